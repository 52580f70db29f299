use std::path::PathBuf;

use clap::Args;

use crate::ves::args::RecipeArgs;
use crate::ves::codings;
use crate::ves::report::DOCUMENTED;
use crate::ves::shared_args::{EXIT_STATUS, ReportArgs, StateArgs};

/// Settings of `ves watch-folder`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}"))]
pub(in crate::ves) struct WatchFolderArgs {
    /// Folder to watch; what is in it is only read
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    #[arg(short, long, value_name = "OUT", help = codings::output_help())]
    pub output: PathBuf,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub watch: WatchArgs,

    #[command(flatten)]
    pub state: StateArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// How to go about it on this machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(in crate::ves) struct WatchArgs {
    /// Chunks encoded at the same time [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Watch the folders below the folder too
    #[arg(short, long)]
    pub recursive: bool,

    /// Replace outputs that are there already
    #[arg(short = 'y', long, visible_alias = "force")]
    pub overwrite: bool,

    /// A file is complete once nothing was written to it for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub settle: u64,
}

const EXAMPLES: &str = "\
Examples:
  ves watch-folder incoming -o ready/
  ves watch-folder incoming -r -o '/ready/{dir}/{stem}.{codec}.{ext}' --codec av1 --settle 30

It goes on until it is interrupted; the same command goes on from there. Each file is encoded once:
again only when it was written to since, also when its output was taken away. Nothing is moved.";
