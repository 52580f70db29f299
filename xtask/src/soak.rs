//! Programs of bench/ and tests/ that run for long, in release mode.

use anyhow::{Context, Result};
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
    // Trials start the platform's own programs and look for them beside themselves.
    sh::run(sh::cargo([
        "build",
        "--release",
        "--workspace",
        "--bins",
        "--quiet",
    ]))?;
    let (package, program) = trial.program();
    release(package, program, args)
}

/// Runs a measurement.
pub fn bench(name: &str, args: &[String]) -> Result<()> {
    sh::run(sh::cargo([
        "build",
        "--release",
        "--workspace",
        "--bins",
        "--quiet",
    ]))?;
    release("bench", name, args)
}

fn release(package: &str, program: &str, args: &[String]) -> Result<()> {
    let mut command = sh::cargo([
        "run",
        "--release",
        "--quiet",
        "--package",
        package,
        "--bin",
        program,
        "--",
    ]);
    command.args(args);
    sh::run(command).with_context(|| format!("{package}/{program}"))
}
