use clap::{Args, Subcommand, ValueEnum};

use super::help;

/// `cosmos new`
#[derive(Debug, Args)]
#[command(after_help = help::SHORT, after_long_help = help::LONG)]
pub(in crate::cosmos) struct NewArgs {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(in crate::cosmos) enum Command {
    /// Make the folder of a service: code, tests, and what `cosmos up --service` needs
    #[command(after_help = help::SHORT, after_long_help = help::LONG)]
    Service(ServiceArgs),
}

#[derive(Debug, Args)]
pub(in crate::cosmos) struct ServiceArgs {
    /// Name of the service, of its folder here, and the first part of its workflows' names
    pub name: String,

    /// What it begins with
    #[arg(long, value_enum, default_value_t = Template::Rules)]
    pub template: Template,

    /// Where the crates of Cosmos are, which are not published: a folder with its repository, or
    /// the URL of one for Git; not for script-function
    #[arg(long, value_name = "WHERE")]
    pub cosmos: Option<String>,

    /// Show the files, and write none
    #[arg(long)]
    pub dry_run: bool,

    /// Report as JSON on standard output, one document
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

/// What a service begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cosmos) enum Template {
    /// A graph and its function
    Graph,
    /// Rules, the graph that they start, and its function
    Rules,
    /// A function as a script, for workflows of other services; nothing to compile
    ScriptFunction,
}
