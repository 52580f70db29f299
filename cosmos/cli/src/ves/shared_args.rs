//! Arguments that several subcommands take.

use std::path::PathBuf;

use clap::Args;

/// What the exit statuses mean, for help and manual.
pub(crate) const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 validate found the video to differ from what it should be; 2 the request or
the command line is wrong; 3 the source, or the video to be validated, is bad; 4 an encoder failed;
5 a machine failed (disk, memory, server away); 6 a deadline passed; 130 interrupted or canceled.";

/// How a run reports.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reporting")]
pub(crate) struct ReportArgs {
    /// Report as JSON on standard output, one event a line
    #[arg(long)]
    pub json: bool,

    /// Say nothing but errors and warnings
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,

    /// Say more: what each part does, on standard error (RUST_LOG refines it)
    #[arg(short, long)]
    pub verbose: bool,
}

impl ReportArgs {
    /// What is logged where RUST_LOG does not say.
    pub(super) fn log_level(&self) -> &'static str {
        if self.verbose { "info" } else { "off" }
    }
}

/// Where this machine keeps unfinished work.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct StateArgs {
    /// Folder of unfinished work and the chunk cache [default: below the user's state folder]
    #[arg(long, value_name = "DIR", env = "VES_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
}
