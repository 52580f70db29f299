use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::ves::args::RecipeArgs;
use crate::ves::report::DOCUMENTED;
use crate::ves::shared_args::{EXIT_STATUS, ReportArgs};

/// Which server, and how to get in.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// URL of the server's API
    #[arg(long, value_name = "URL", env = "VES_SERVER", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:7400")]
    pub server: String,

    /// File with the server's token [default: the one of an installation in ./cosmos-data]
    #[arg(
        long,
        value_name = "FILE",
        env = "VES_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,
}

/// Settings of `ves submit`.
#[derive(Debug, Args)]
#[command(after_help = SUBMIT_EXAMPLES)]
pub(crate) struct SubmitArgs {
    /// Video file to encode; it is only read, by the server
    #[arg(value_name = "IN")]
    pub input: PathBuf,

    /// File that the server writes; it appears when it is complete and validated, never before
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,

    /// Several encodes of one film, between which players can change: a ladder of this name, or a file of
    /// rungs, as `ves encode` has it
    #[arg(long, value_name = "NAME|FILE")]
    pub ladder: Option<String>,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub request: RequestArgs,

    #[command(flatten)]
    pub server: ServerArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// What surrounds an encode.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// Replace the output file if there is one
    #[arg(short = 'y', long)]
    pub overwrite: bool,

    /// Follow the request until it has ended, as `ves watch` does
    #[arg(short, long)]
    pub wait: bool,

    /// Something to find the request by later; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,

    /// Channel of the versions of functions that encode it [default: stable, or canary for its part]
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,

    /// Two requests with the same key are one [default: a new key]
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// Settings of `ves status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Id of the request
    pub id: String,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output: the API's RequestView
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

/// Settings of `ves watch`.
#[derive(Debug, Args)]
#[command(after_help = WATCH_HELP, after_long_help = format!("{WATCH_HELP}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}"))]
pub(crate) struct WatchArgs {
    /// Id of the request
    pub id: String,

    #[command(flatten)]
    pub server: ServerArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// Settings of `ves cat`.
#[derive(Debug, Args)]
#[command(after_help = CAT_HELP, after_long_help = format!("{CAT_HELP}\n\n{CAT_INDEX}\n\n{EXIT_STATUS}"))]
pub(crate) struct CatArgs {
    /// Id of the request
    pub id: String,

    /// Begin where decoding can start, at this frame or the nearest one before; the first is 0
    #[arg(long, value_name = "FRAME", default_value_t = 0)]
    pub from: u64,

    /// Write the index instead of the video: where each frame lies, as JSON, one object a line
    #[arg(long)]
    pub index: bool,

    #[command(flatten)]
    pub server: ServerArgs,
}

/// Settings of `ves cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// Id of the request
    pub id: String,

    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT", default_value = "")]
    #[arg(hide_default_value = true)]
    pub reason: String,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output: the API's RequestView
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

/// Settings of `ves list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ves list --state running
  ves list --limit 1000 --json | jq -r .requestId")]
pub(crate) struct ListArgs {
    /// Only those in this state
    #[arg(long, value_enum)]
    pub state: Option<StateName>,

    /// The most requests to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output: the API's RequestView, one a line
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

/// States of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    Accepted,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("`{text}` is not a label; write key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

const SUBMIT_EXAMPLES: &str = "\
Examples:
  ves submit film.mkv -o film.mp4 --crf 20 --wait
  id=$(ves submit film.mkv -o film.mp4 --label project=spring)
  ves watch $id

Paths are made absolute here and opened by the server, below the folders that it allows
(source_roots and output_roots of its configuration). The id goes to standard output.";

const WATCH_HELP: &str = "\
Ctrl-C ends the watching, not the request. The exit status is that of the request's end.";

const CAT_HELP: &str = "\
Examples:
  ves cat $id | mpv -
  ves cat $id | ffmpeg -i - -vf fps=1/10 picture-%03d.png
  ves cat $id --from 2400 > rest.mp4

The video is written chunk by chunk, each as soon as it and all before it are encoded, as fragmented
MP4: the coded video alone, with the times of the source, the first frame at 0. Chunks that may be
encoded once more, to keep to a bitrate or a buffer, are waited for.
It ends when the request has ended. If that failed or was canceled, so does this command,
and what was written is not to be kept.";

const CAT_INDEX: &str = "\
Index (--index): one JSON object a line on standard output, told apart by `part`; fields are only
ever added; times are in ticks of `time_base` seconds since the first frame is shown.
  head   frames, chunks, width, height, pixel_format, time_base, sample_entry, configuration,
         framing, lead: ticks from the first decoding to the first frame
  chunk  chunk, store, sha256, size: its coded bytes, an elementary stream
  unit   chunk, frame, offset, size, random_access, pts, dts, duration: in decoding order, those of
         a chunk behind it
  end    the request has succeeded";
