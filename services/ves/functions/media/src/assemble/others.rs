//! The tracks beside the video: copied by ffmpeg into a file of their own, whose index is then
//! taken over.

use errors::Error;
use ves_api::function::{Tool, WorkDir};
use ves_api::recipe::Container;

use crate::assemble::copied::{Copied, read_tracks};
use crate::assemble::probe::{Stream, other_streams};

/// Name of the helping file below `output/`; it is removed before the function ends.
pub(crate) const FILE: &str = ".others.mp4";

/// The other tracks, and what could not be kept.
pub(crate) struct Others {
    /// Units per second of the movie, in which the starts and durations of all tracks are whole.
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<Copied>,
    pub(crate) warnings: Vec<String>,
}

impl Others {
    /// Leaves them all out.
    pub(crate) fn none(timescale: u32) -> Self {
        Self {
            timescale,
            tracks: vec![],
            warnings: vec![],
        }
    }

    /// Copies them from `input/source`.
    pub(crate) fn extract(work: &WorkDir, video_timescale: u32) -> Result<Self, Error> {
        let streams = other_streams(work, Container::Mp4)?;
        let timescale = common_timescale(video_timescale, &streams.kept);
        let tracks = match streams.kept.is_empty() {
            true => vec![],
            false => copy(work, &streams.kept, timescale)?,
        };
        Ok(Self {
            timescale,
            tracks,
            warnings: streams.warnings,
        })
    }
}

fn copy(work: &WorkDir, streams: &[Stream], timescale: u32) -> Result<Vec<Copied>, Error> {
    let maps = streams
        .iter()
        .flat_map(|stream| ["-map".to_owned(), format!("0:{}", stream.index)]);
    let path = work.output(FILE);
    Tool::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        // Times stay on the source's clock, so that tracks keep their distance.
        .args(["-protocol_whitelist", "file", "-copyts", "-i"])
        .arg(work.input("source"))
        .args(maps)
        .args([
            "-map_chapters",
            "-1",
            "-c",
            "copy",
            "-strict",
            "experimental",
        ])
        .args([
            "-fflags",
            "+bitexact",
            "-movie_timescale",
            &timescale.to_string(),
            "-f",
            "mp4",
        ])
        .arg(&path)
        .run(|_| Ok(()))?;
    read_tracks(&path, timescale)
}

/// The least common multiple; rates that would lead beyond 31 bits are rounded to the others.
fn common_timescale(video: u32, streams: &[Stream]) -> u32 {
    streams.iter().fold(video, |common, stream| {
        let rate = stream.rate();
        let multiple = u64::from(common) / u64::from(gcd(common, rate)) * u64::from(rate);
        i32::try_from(multiple).map_or(common, |multiple| multiple.unsigned_abs())
    })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}
