//! The host agent: leases invocations, stages media, publishes results.
//!
//! An [`Agent`] takes invocations of the functions it knows from their queues,
//! as long as it has room. For each it makes a working directory, runs the
//! function in a sandbox, publishes what it wrote by digest, and completes the
//! message with the result in one fenced act: a result whose lease was lost is
//! refused and never exists (seams S3, S6, S9).

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod agent;
mod capacity;
mod command;
mod config;
mod context;
mod counts;
mod delivery;
mod error_json;
mod execute;
mod exit;
mod feed;
mod heartbeat;
mod inputs;
mod lane;
mod logs;
mod memo;
mod missed;
mod numbered;
mod outputs;
mod progress;
mod settle;
mod source;
mod stop;
mod stream;
mod text;
mod versions;
mod work;
mod work_dir;

pub use agent::{Agent, StartError};
pub use config::Config;
pub use counts::Counts;
