use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::duration::ChunkLength;

/// Encode video in parallel chunks: exact to the frame, resumable, checked.
#[derive(Debug, Parser)]
#[command(name = "ves", version, max_term_width = 100)]
pub(super) struct Ves {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Encode a video file on this machine
    Encode(EncodeArgs),
}

/// Settings of `ves encode`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EncodeArgs {
    /// Video file to encode; it is only read
    pub input: PathBuf,

    /// File to write (MP4); it appears when it is complete and validated, never before
    #[arg(short, long)]
    pub output: PathBuf,

    /// Quality: constant rate factor, 0 (best) to 51; for people's eyes 18 to 28 [default: 23]
    #[arg(long, value_name = "N", conflicts_with = "lossless")]
    pub crf: Option<f64>,

    /// Keep every sample of the source
    #[arg(long)]
    pub lossless: bool,

    /// Encoder speed against size: ultrafast … medium … veryslow
    #[arg(long, default_value = "medium")]
    pub preset: String,

    /// Encoder tuning: film, animation, grain, stillimage, psnr, ssim, fastdecode, zerolatency
    #[arg(long)]
    pub tune: Option<String>,

    /// Limit the profile: baseline, main, high, …
    #[arg(long)]
    pub profile: Option<String>,

    /// Limit the level: 3.1, 4.1, …
    #[arg(long)]
    pub level: Option<String>,

    /// Length of a chunk: seconds (5s), milliseconds (500ms), minutes (2m) or frames (120f)
    #[arg(long, default_value = "10s", value_name = "LENGTH")]
    pub chunk: ChunkLength,

    /// Where cuts may lie: near a key frame of the source, which spares decoding twice, or exactly
    #[arg(long, default_value = "source")]
    pub align: Align,

    /// Audio and subtitle tracks: copy them whole, or leave them out
    #[arg(long, default_value = "copy")]
    pub tracks: Tracks,

    /// Chunks encoded at the same time [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Replace the output file if there is one
    #[arg(short = 'y', long)]
    pub overwrite: bool,

    /// Report as JSON, one event per line
    #[arg(long)]
    pub json: bool,

    /// Folder for unfinished work and the chunk cache [default: below the user's state folder]
    #[arg(long, value_name = "DIR", env = "VES_STATE")]
    pub state: Option<PathBuf>,

    /// Say more: what each part does, on standard error (RUST_LOG refines it)
    #[arg(short, long)]
    pub verbose: bool,
}

/// Where cuts may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Align {
    Source,
    Fixed,
}

/// What happens to the tracks beside the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Tracks {
    Copy,
    None,
}

const EXAMPLES: &str = "\
Examples:
  ves encode holiday.mov -o holiday.mp4
  ves encode film.mkv -o film.mp4 --crf 20 --preset slow --chunk 10s
  ves encode master.mov -o copy.mp4 --lossless --tracks none --json

Interrupt it at any time: the same command goes on where it was.

Exit status: 0 done; 2 the request is wrong; 3 the source is bad; 4 the encoder failed;
5 the machine failed (disk, memory); 130 interrupted.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Ves::command().debug_assert();
    }
}
