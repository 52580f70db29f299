use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A platform for media computing: an API, workflows, and functions in containers,
/// joined by a priority message system.
#[derive(Debug, Parser)]
#[command(name = "cosmos", version, max_term_width = 100)]
pub(super) struct Cosmos {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run every role in this process
    Up(Common),

    /// Run one role in this process; the others run elsewhere
    Run {
        /// The role
        role: Role,
        /// Name of this process, where the host runs several of the role
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },

    /// Print the default configuration, with explanations
    Config,
}

/// What every running form takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Configuration file; without one the defaults hold (`cosmos config` prints them)
    #[arg(short, long, value_name = "FILE", env = "COSMOS_CONFIG")]
    pub config: Option<PathBuf>,
}

/// A part of an installation that can be a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The priority message system
    Timestone,
    /// The API
    Optimus,
    /// The workflow engine
    Plato,
    /// The host agent, which runs the media functions
    Stratum,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cosmos::command().debug_assert();
    }
}
