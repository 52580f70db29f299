//! The queues beside which Timestone is measured, each as its makers would have it used.

mod beanstalkd;
mod bullmq;
pub mod postgres;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(not(feature = "rabbitmq"))]
#[path = "no_rabbitmq.rs"]
mod rabbitmq;
mod redis;
mod resp;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::measure::{Plan, Run, measure};

/// A queue of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Peer {
    /// BullMQ on Redis that syncs always.
    Bullmq,
    /// Lua scripts in Redis that syncs always, a connection per client.
    RedisLua,
    /// The same, all clients' concurrent calls pipelined over one connection.
    RedisLuaPipelined,
    /// A durable queue with priorities, persistent messages, publisher confirms.
    Rabbitmq,
    /// beanstalkd that syncs every write.
    Beanstalkd,
    /// A table, rows locked with SKIP LOCKED.
    Postgres,
}

/// Those that promise what Timestone promises of one message: priorities, leases that end
/// with their worker, a sync before the acknowledgement.
pub const DURABLE: [Peer; 3] = [Peer::Bullmq, Peer::Rabbitmq, Peer::Beanstalkd];

/// Whether concurrent calls of all clients share one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipelining {
    No,
    Yes,
}

impl Peer {
    /// Starts the peer, measures it, and ends it.
    pub async fn run(self, plan: &Plan, scratch: &Path) -> Result<Run> {
        match self {
            Self::Bullmq => bullmq::run(plan, scratch).await,
            Self::RedisLua => {
                let queue = redis::Lua::start(Pipelining::No, scratch).await?;
                measure(&queue, plan).await
            }
            Self::RedisLuaPipelined => {
                let queue = redis::Lua::start(Pipelining::Yes, scratch).await?;
                measure(&queue, plan).await
            }
            Self::Rabbitmq => rabbitmq::run(plan, scratch).await,
            Self::Beanstalkd => {
                let queue = beanstalkd::Beanstalkd::start(scratch).await?;
                measure(&queue, plan).await
            }
            Self::Postgres => {
                let queue = postgres::Postgres::start(scratch).await?;
                measure(&queue, plan).await
            }
        }
    }
}
