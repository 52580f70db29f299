//! The engines beside which Plato is measured, each as its makers would have it used.

mod dbos;
mod http;
mod restate;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::measure::{Plan, Run, measure};

/// An engine of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Peer {
    /// Its server; the steps run by its SDK in a process of Node.
    Restate,
    /// A library in a process of Python, its state in PostgreSQL.
    Dbos,
}

impl Peer {
    /// As `--peers` has it.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Starts the peer, measures it, and ends it.
    pub async fn run(self, plan: &Plan, scratch: &Path) -> Result<Run> {
        match self {
            Self::Restate => measure(&restate::Restate::start(scratch).await?, plan).await,
            Self::Dbos => measure(&dbos::Dbos::start(scratch).await?, plan).await,
        }
    }
}
