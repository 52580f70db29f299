//! Trials that run for long, in release mode.

use anyhow::Result;
use clap::ValueEnum;

use crate::sh;

/// A long trial.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Trial {
    /// Power cuts under each store, acknowledged writes counted.
    Store,
    /// Encodes killed at random until they end, hashes compared.
    Ves,
    /// A wide map over two owners, one paused past its epoch.
    Plato,
}

impl Trial {
    /// The package and the program in it.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Store => ("powercut", "soak-store"),
            Self::Ves => ("e2e", "soak-ves"),
            Self::Plato => ("e2e", "soak-plato"),
        }
    }
}

/// Runs a trial.
pub fn run(trial: Trial, args: &[String]) -> Result<()> {
    let (package, program) = trial.program();
    sh::release(package, program, args)
}
