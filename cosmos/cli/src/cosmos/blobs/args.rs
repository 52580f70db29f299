use clap::{Args, Subcommand};

use crate::cosmos::queue::args::ServerArgs;

/// Settings of `cosmos blobs`.
#[derive(Debug, Args)]
pub(crate) struct BlobsArgs {
    #[command(subcommand)]
    pub command: BlobsCommand,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,
}

/// What to do with blobs.
#[derive(Debug, Subcommand)]
pub(crate) enum BlobsCommand {
    /// Remove, now, blobs that nothing refers to any more
    Sweep(SweepArgs),
}

/// Settings of `cosmos blobs sweep`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = SWEEP)]
pub(crate) struct SweepArgs {
    /// Remove nothing, and say what would go
    #[arg(long)]
    pub dry_run: bool,
}

const SWEEP: &str = "\
Examples:
  cosmos blobs sweep --dry-run
  cosmos blobs sweep --json | jq .removed_bytes

A blob goes when no message, workflow, request or memo refers to it, and nobody put or used it for
`blobs: sweep: grace_seconds` of the configuration. A memo, by which equal work is answered, goes
when nobody used it for `memos_keep_days`. `cosmos up` sweeps by itself, too; `cosmos run
plato` does over a database: name it with --server.";
