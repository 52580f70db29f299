//! The `ves` command: encode video on this machine, with nothing to set up.

mod args;
mod duration;
mod report;
mod snapshot;

pub use args::{Command, EncodeArgs, Ves};
