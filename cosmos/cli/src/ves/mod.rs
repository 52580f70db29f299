//! The `ves` command: encode video on this machine, with nothing to set up.

mod args;
mod cache;
mod container;
mod duration;
mod encode;
mod job;
mod picture;
mod place;
mod report;
mod snapshot;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Command, Ves};

/// Runs the command and says how it ended.
pub fn main() -> ExitCode {
    match Ves::parse().command {
        Command::Encode(args) => encode::main(&args),
    }
}
