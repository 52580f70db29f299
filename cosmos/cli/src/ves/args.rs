use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use video::{ContentLight, MasteringDisplay};

use super::bitrate::{BitsPerSecond, BufferBits};
use super::cache::args::CacheArgs;
use super::codings;
use super::container::ContainerName;
use super::duration::ChunkLength;
use super::edges::EdgesArg;
use super::fps::Fps;
use super::picture::PictureSize;
use super::presets::PresetsArgs;
use super::probe::ProbeArgs;
use super::remote::args::{CancelArgs, CatArgs, ListArgs, StatusArgs, SubmitArgs, WatchArgs};
use super::report::DOCUMENTED;
use super::shared_args::{EXIT_STATUS, ReportArgs, StateArgs};
use super::validate::ValidateArgs;
use super::watch_folder::WatchFolderArgs;
use crate::colour::ColourChoice;
use crate::pages::{CompletionsArgs, ManArgs};

/// Encode video in parallel chunks: exact to the frame, resumable, checked.
#[derive(Debug, Parser)]
#[command(name = "ves", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub(super) struct Ves {
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
    #[arg(help_heading = "Reporting", hide_possible_values = true)]
    pub color: ColourChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Encode video files on this machine
    Encode(EncodeArgs),
    /// Encode whatever is put into a folder on this machine, once
    WatchFolder(WatchFolderArgs),
    /// Say what a video file is, what is unusual about it, and what would be done with it
    Probe(ProbeArgs),
    /// Judge a video file: frame by frame against its source, and by what it should be
    Validate(ValidateArgs),
    /// List the presets that recipes can name
    Presets(PresetsArgs),
    /// Look at the chunk cache and at unfinished encodes, or make room
    Cache(CacheArgs),

    /// Hand an encode to a server
    Submit(SubmitArgs),
    /// Read the state of a server's request
    Status(StatusArgs),
    /// Follow a server's request until it has ended
    Watch(WatchArgs),
    /// Write the video of a server's request to standard output, while it is encoded
    Cat(CatArgs),
    /// Cancel a server's request
    Cancel(CancelArgs),
    /// List a server's requests, the newest first
    List(ListArgs),

    /// Print the completions of this command for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all subcommands
    Man(ManArgs),
}

/// Settings of `ves encode`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{LADDER}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}"))]
pub(super) struct EncodeArgs {
    /// Video files to encode, or folders of them; they are only read. Also https://server/file and
    /// s3://bucket/key
    #[arg(value_name = "IN", required = true)]
    pub inputs: Vec<PathBuf>,

    #[arg(short, long, value_name = "OUT", help = codings::output_help())]
    pub output: PathBuf,

    /// Several encodes of one film, between which players can change: a ladder of this name (`ves
    /// presets` lists them), or a file of rungs; other arguments say what all have in common
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "skip_existing")]
    pub ladder: Option<String>,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    #[command(flatten)]
    pub run: RunArgs,

    #[command(flatten)]
    pub state: StateArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

/// How to encode.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Encoding")]
pub(super) struct RecipeArgs {
    /// Coding format [default: the usual one of files with the output's extension]
    #[arg(long, value_parser = codings::names())]
    pub codec: Option<String>,

    /// Recipe with this name, which fills what other arguments leave open; `ves presets` lists them
    #[arg(long, value_name = "NAME")]
    pub named_preset: Option<String>,

    #[arg(long, value_name = "N", conflicts_with = "lossless", help = codings::crf_help())]
    pub crf: Option<f64>,

    /// Size: bits of the coded video in a second, on average over the whole file, such as 2M, 800k or
    /// 1500000; they go where they are needed (avc, hevc, vp9)
    #[arg(long, value_name = "RATE", conflicts_with_all = ["crf", "lossless"])]
    pub bitrate: Option<BitsPerSecond>,

    /// Quality: how near the picture comes to the source's, as VMAF on average over the whole file, such as
    /// 93; the rate factor of each chunk is searched for. For an ffmpeg that has libvmaf
    #[arg(long, value_name = "SCORE", conflicts_with_all = ["crf", "lossless", "bitrate", "max_bitrate"])]
    pub vmaf: Option<f64>,

    /// The same as SSIM, such as 0.98
    #[arg(long, value_name = "SCORE",
          conflicts_with_all = ["crf", "lossless", "bitrate", "max_bitrate", "vmaf"])]
    pub ssim: Option<f64>,

    /// The same as XPSNR of luma, in decibels, such as 42. For an ffmpeg that has it
    #[arg(long, value_name = "DB",
          conflicts_with_all = ["crf", "lossless", "bitrate", "max_bitrate", "vmaf", "ssim"])]
    pub xpsnr: Option<f64>,

    /// Bits in a second by which a decoder that is fed through a buffer has each frame in time, such as
    /// 5M (VBV, HRD); with --crf or --bitrate, over the whole file (avc, hevc)
    #[arg(long, value_name = "RATE", conflicts_with = "lossless")]
    pub max_bitrate: Option<BitsPerSecond>,

    /// Bits that this buffer holds, such as 10M [default: what --max-bitrate brings in a second]
    #[arg(long, value_name = "BITS", requires = "max_bitrate")]
    pub buffer: Option<BufferBits>,

    /// Keep every sample of the source
    #[arg(long)]
    pub lossless: bool,

    #[arg(long, help = codings::preset_help())]
    pub preset: Option<String>,

    #[arg(long, help = codings::tune_help())]
    pub tune: Option<String>,

    /// Bits per sample: 8 or 10 [default: the source's]
    #[arg(long, value_name = "BITS")]
    pub bit_depth: Option<u32>,

    /// Size of the picture, even: 1280x720 [default: the source's]
    #[arg(long, value_name = "WxH", conflicts_with = "height")]
    pub size: Option<PictureSize>,

    /// Height of the picture, even; the width keeps the shape
    #[arg(long, value_name = "LINES")]
    pub height: Option<u32>,

    /// How pictures are resized [default: bicubic]
    #[arg(long)]
    pub kernel: Option<Kernel>,

    /// Make whole frames of an interlaced source's fields, by bwdif: one of each frame, or one of each
    /// field at twice the rate; a source that is not interlaced stays as it is
    #[arg(long, value_name = "OF")]
    pub deinterlace: Option<Deinterlace>,

    /// Frames at exactly this rate, such as 25 or 24000/1001: frames are doubled and dropped, also where
    /// the source's rate varies [default: every frame at its own time]
    #[arg(long, value_name = "RATE")]
    pub fps: Option<Fps>,

    /// Pixels to cut off each side of the source's picture, before it is resized
    #[arg(long, value_name = "LEFT,TOP,RIGHT,BOTTOM")]
    pub crop: Option<EdgesArg>,

    /// Black pixels to put around the picture, after it was resized
    #[arg(long, value_name = "LEFT,TOP,RIGHT,BOTTOM")]
    pub pad: Option<EdgesArg>,

    /// File format [default: by the output's extension]
    #[arg(long)]
    pub container: Option<ContainerName>,

    #[arg(long, help = codings::profile_help())]
    pub profile: Option<String>,

    /// Limit the level: 3.1, 4.1, …
    #[arg(long)]
    pub level: Option<String>,

    /// Length of a chunk: seconds (5s), milliseconds (500ms), minutes (2m) or frames (120f)
    /// [default: 10s]
    #[arg(long, value_name = "LENGTH")]
    pub chunk: Option<ChunkLength>,

    /// Where cuts may lie: near a key frame of the source, which spares decoding twice, or exactly
    /// [default: source]
    #[arg(long)]
    pub align: Option<Align>,

    /// Let decoding begin with the first frames of chunks and no others: the same frames in all encodes
    /// that are cut alike
    #[arg(long)]
    pub aligned_access: bool,

    /// What HDR10 says of the display that the film was made on, in the notation of x265:
    /// G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min) [default: as the source says]
    #[arg(long, value_name = "DISPLAY")]
    pub mastering_display: Option<MasteringDisplay>,

    /// What HDR10 says of the film's light: MaxCLL,MaxFALL in cd/m² [default: as the source says]
    #[arg(long, value_name = "CLL,FALL")]
    pub content_light: Option<ContentLight>,

    /// Audio and subtitle tracks: copy them whole, or leave them out [default: copy, where the
    /// container holds them]
    #[arg(long)]
    pub tracks: Option<Tracks>,

    /// Encode what decodes of a damaged source, instead of refusing it
    #[arg(long)]
    pub conceal: bool,
}

/// How to go about it on this machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(super) struct RunArgs {
    /// Chunks encoded at the same time [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Look for videos in the folders below a folder too
    #[arg(short, long)]
    pub recursive: bool,

    /// Replace the output file if there is one
    #[arg(short = 'y', long, visible_alias = "force")]
    pub overwrite: bool,

    /// Leave out the files whose outputs are there already
    #[arg(long, conflicts_with = "overwrite")]
    pub skip_existing: bool,

    /// Say what would be done, to the last argument of the encoder, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How pictures are resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kernel {
    Bicubic,
    /// Sharper, with ringing at hard edges
    Lanczos,
    /// Softer
    Bilinear,
    /// Between bicubic and Lanczos
    Spline,
    /// For much smaller pictures
    Area,
    /// No new values: for pixel art
    Nearest,
}

/// What interlaced fields become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Deinterlace {
    /// One frame of two fields
    Frame,
    /// One frame of each field: motion stays as smooth as it was
    Field,
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
  ves encode film.mkv -o film.mp4 --bitrate 2.5M
  ves encode film.mkv -o film.mp4 --vmaf 93
  ves encode film.mkv -o film.mp4 --crf 21 --max-bitrate 5M --buffer 10M
  ves encode film.mkv -o film.mp4 --codec hevc --bit-depth 10 --crf 24
  ves encode tape.mpg -o tape.mp4 --codec hevc --deinterlace field
  ves encode film.mkv -o film.webm --height 720 --named-preset web-720p-av1
  ves encode master.mov -o copy.mp4 --lossless --tracks none --json
  ves encode film.mkv -o film.mp4 --named-preset web-720p-avc --dry-run
  ves encode *.mov -o small/ --height 720
  ves encode https://media.example.org/film.mov -o film.mp4
  ves encode film.mkv -o 'out/{stem}-{rung}.{ext}' --ladder stream-avc
  ves encode --recursive films -o '/archive/{dir}/{stem}.{codec}.{ext}' --codec hevc --skip-existing

Interrupt it at any time: the same command goes on where it was. Where some of several files failed,
it leaves out those that are done.";

/// A file of rungs, for help and manual.
pub(super) const LADDER: &str = "\
A ladder (--ladder FILE), in YAML or JSON, by the names of the contract (Ladder in ves.proto):
  rungs:
    - name: 1080p
      recipe: {named_preset: web-1080p-avc}
    - name: 720p
      recipe:
        codec: {format: CODEC_FORMAT_AVC, preset: slow}
        rate_control: {bitrate: 2500000, max_bitrate: 4000000, buffer: 8000000}
        resolution: {height: 720, shrink_only: true}
The film is indexed once; all rungs are cut at the same frames, of 6 s by default (--chunk), and
decoding can begin with those frames and no others. Each rung is encoded, validated and cached by
itself. Outputs are told apart by {rung}; in a folder they are {stem}-{rung}.{ext}.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Ves::command().debug_assert();
    }
}
