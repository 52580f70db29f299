use clap::{Args, Subcommand};

use crate::units::{Age, Size};
use crate::ves::shared_args::StateArgs;

/// Settings of `ves cache`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub command: CacheCommand,

    #[command(flatten)]
    pub state: CacheState,
}

/// Where, and how to report; wherever it stands on the line.
#[derive(Clone, Debug, Args)]
pub(crate) struct CacheState {
    /// Report as JSON on standard output
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,

    #[command(flatten)]
    pub folder: StateArgs,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Say where it is, how much it holds, and which encodes are unfinished
    Show,
    /// Remove the chunks that were not used for longest; nothing while an encode runs
    Trim(TrimArgs),
    /// Remove every chunk and every unfinished encode; nothing while an encode runs
    Clear(ClearArgs),
}

/// Settings of `ves cache trim`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TrimArgs {
    /// Bytes that may stay: 500M, 10G [default: 20G, unless an age is given]
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<Size>,

    /// Remove what was not used for so long: 12h, 7d, 2w
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
}

/// Settings of `ves cache clear`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ClearArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  ves cache show
  ves cache trim --max-size 10G --older-than 7d
  ves cache clear --yes

Nothing is lost but time: a chunk that is missing is encoded again when it is needed. An encode
that was not finished begins anew after chunks were removed, from those that are still there.";
