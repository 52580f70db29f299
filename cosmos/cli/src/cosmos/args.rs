use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::blobs::args::BlobsArgs;
use super::function::args::FunctionArgs;
use super::new::args::NewArgs;
use super::queue::args::QueueArgs;
use super::shapes::args::ShapesArgs;
use super::simulate::SimulateArgs;
use super::workflow::args::WorkflowArgs;
use crate::colour::ColourChoice;
use crate::pages::{CompletionsArgs, ManArgs};

/// A platform for media computing: an API, workflows, and functions in containers,
/// joined by a priority message system.
#[derive(Debug, Parser)]
#[command(name = "cosmos", version, max_term_width = 100, after_help = HELP)]
pub(super) struct Cosmos {
    #[command(subcommand)]
    pub command: Command,

    /// Whether to use colour; NO_COLOR is obeyed
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    #[arg(hide_possible_values = true)]
    pub color: ColourChoice,
}

const HELP: &str = "\
Examples:
  cosmos config > cosmos.yaml       then allow folders: source_roots, output_roots
  cosmos up --config cosmos.yaml
  ves submit film.mkv -o film.mp4   hands work to it
  cosmos queue list                 shows what waits and runs
  cosmos workflow explain ID        says why a workflow waits

Logs go to standard error; RUST_LOG refines them.
Exit status: 0 told to stop; 2 the command line or the configuration is wrong; 5 it could not
start, or failed.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run every role in this process
    Up {
        #[command(flatten)]
        common: Common,
        /// Folder of a service that is a program of its own, with its service.yaml; may be given
        /// several times, and adds to the configuration's `services`
        #[arg(long = "service", value_name = "FOLDER")]
        services: Vec<PathBuf>,
    },

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

    /// Look at queues and their messages, and set right what went wrong
    Queue(Box<QueueArgs>),

    /// Look at workflows, and pause, resume, retry, signal or cancel them
    Workflow(Box<WorkflowArgs>),

    /// Look after what is kept by digest
    Blobs(Box<BlobsArgs>),

    /// Try functions on local files, and list those that are installed
    Function(Box<FunctionArgs>),

    /// Look at shapes, and at why an invocation gets which
    Shapes(ShapesArgs),

    /// Begin something new
    New(NewArgs),

    /// Try placement and scaling on a day of arrivals, beside naive ones
    Simulate(SimulateArgs),

    /// Print the default configuration, with explanations
    Config,

    /// Print the completions of this command for a shell
    Completions(CompletionsArgs),

    /// Print the manual page, or write those of all subcommands
    Man(ManArgs),
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
