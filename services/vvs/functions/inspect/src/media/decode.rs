//! One run of ffmpeg over a video track: its luma, frame by frame.

use std::path::Path;
use std::sync::mpsc;

use errors::Error;
use stratum_frames::CONTAINERS;
use stratum_function::{Ended, Tool};
use video::{Chroma, Conversion, PixelFormat, Region};

use crate::limits::{PIXELS, TOLD_AHEAD};
use crate::media::log::{DECODED, DELIVERED, Delivered, Log};
use crate::media::{spare, url, y4m};
use crate::print::Plane;

/// What to decode, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decode<'a> {
    pub(crate) file: &'a Path,
    /// Of the video track among all tracks.
    pub(crate) track: u32,
    /// Whether the spare ffmpeg decodes it.
    pub(crate) spare: bool,
    /// ffprobe's name of the layout of the samples.
    pub(crate) pixel_format: &'a str,
    /// Whether luma is of the full range.
    pub(crate) full_range: bool,
    /// Whether the decoder gives up a frame rather than conceal damage.
    pub(crate) strict: bool,
    /// `None`: everything, from the first frame.
    pub(crate) window: Option<Window>,
    /// How frames are deinterlaced, if they are.
    pub(crate) conversion: Conversion,
    /// `None`: the whole picture.
    pub(crate) region: Option<Region>,
}

/// Frames by their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Where to seek, in microseconds; `None` = decode from the start of the file.
    pub(crate) seek_us: Option<i64>,
    /// The time of the first frame that is wanted.
    pub(crate) from: i64,
    /// The time of the first frame behind the window.
    pub(crate) to: Option<i64>,
}

/// One frame.
pub(crate) struct Decoded<'a> {
    pub(crate) plane: Plane<'a>,
    pub(crate) told: Delivered,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) log: Log,
    pub(crate) ended: Ended,
    /// Width and height; `None` when no frame came.
    pub(crate) size: Option<(u32, u32)>,
}

impl Decode<'_> {
    /// Hands each frame to `each`, in order. That ffmpeg fails on the file is no error: see
    /// [`Outcome::ended`].
    pub(crate) fn run(
        &self,
        mut each: impl FnMut(Decoded<'_>) -> Result<(), Error>,
    ) -> Result<Outcome, Error> {
        let (sender, told) = mpsc::sync_channel(TOLD_AHEAD);
        let mut log = Log::default();
        let read = |pipe: &mut _| {
            let Some(mut frames) = y4m::Frames::open(pipe, self.full_range)? else {
                return Ok(None);
            };
            while let Some(plane) = frames.next()? {
                // ffmpeg tells of a frame before it writes it.
                let told = told.recv().map_err(|_| {
                    Error::function("FRAMES", "ffmpeg wrote a frame that it did not tell of")
                })?;
                each(Decoded { plane, told })?;
            }
            Ok(Some(frames.size()))
        };
        let lines = &mut log;
        // The sender goes when ffmpeg has said its last, so that nobody waits for more.
        let (size, ended) = self
            .tool()
            .stream(read, move |line| lines.line(line, &sender))?;
        Ok(Outcome { log, ended, size })
    }

    fn tool(&self) -> Tool {
        let (tool, time_base) = match self.spare {
            false => (Tool::new("ffmpeg"), "-1"),
            // Newer ones call the track's own otherwise. Frames are told by the times of the filters.
            true => (spare::spare(), "1:1000000"),
        };
        let tool = tool
            .words("-nostdin -hide_banner -nostats -loglevel repeat+level+info")
            .words("-copyts -noautorotate -threads 1 -filter_threads 1")
            .words("-protocol_whitelist file")
            .args(["-format_whitelist", CONTAINERS])
            .args(["-max_pixels", &PIXELS.to_string()])
            .words(if self.strict {
                "-err_detect explode"
            } else {
                ""
            })
            .words(&self.seek())
            .arg("-i")
            .arg(url(self.file));
        tool.args(["-map", &format!("0:{}", self.track)])
            .args(["-vf", &self.filters()])
            .words("-fps_mode passthrough -enc_time_base")
            .arg(time_base)
            .words("-sws_flags accurate_rnd+bitexact -strict -1 -f yuv4mpegpipe -flush_packets 1 pipe:1")
    }

    fn seek(&self) -> String {
        let seek = self.window.and_then(|window| window.seek_us);
        seek.map_or_else(String::new, |us| {
            format!("-noaccurate_seek -seek_timestamp 1 -ss {us}us")
        })
    }

    fn filters(&self) -> String {
        let trim = self.window.map_or_else(String::new, |window| {
            let to = window
                .to
                .map_or_else(String::new, |to| format!(":end_pts={to}"));
            format!("trim=start_pts={}{to},", window.from)
        });
        let (luma, crop) = (luma(self.pixel_format), self.crop());
        let convert = self.convert();
        format!("{DECODED}=checksum=0,{trim}{convert}{luma},{crop}{DELIVERED}=checksum=0")
    }

    fn convert(&self) -> String {
        match self.conversion.deinterlacer() {
            none if none.is_empty() => none,
            filters => format!("{filters},"),
        }
    }

    /// Of luma, which has no chroma grid to keep to.
    fn crop(&self) -> String {
        self.region.map_or_else(String::new, |region| {
            let Region { left, top, size } = region;
            let (width, height) = (size.width(), size.height());
            format!("crop=w={width}:h={height}:x={left}:y={top}:exact=1,")
        })
    }
}

/// The filter that leaves only luma. Layouts without it are converted.
fn luma(pixel_format: &str) -> &'static str {
    let layout = PixelFormat::new(pixel_format);
    let depth = layout.as_ref().and_then(PixelFormat::bit_depth);
    let has_luma = layout
        .and_then(|layout| layout.chroma())
        .is_some_and(|chroma| chroma != Chroma::Rgb);
    match (has_luma, depth) {
        (true, _) => "extractplanes=y",
        (false, Some(8)) => "format=yuv444p,extractplanes=y",
        (false, _) => "format=yuv444p16le,extractplanes=y",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layouts_with_luma_are_taken_as_they_are() {
        for (layout, filter) in [
            ("yuv420p10le", "extractplanes=y"),
            ("gray", "extractplanes=y"),
            ("rgb24", "format=yuv444p,extractplanes=y"),
            ("gbrp12le", "format=yuv444p16le,extractplanes=y"),
            ("xyz12le", "format=yuv444p16le,extractplanes=y"),
            ("; rm", "format=yuv444p16le,extractplanes=y"),
        ] {
            assert_eq!(luma(layout), filter, "{layout}");
        }
    }
}
