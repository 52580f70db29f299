//! What the usual ffmpeg does not know, as a newer one that stands in for it describes it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ChildStdout;

use errors::Error;
use stratum_frames::CONTAINERS;
use stratum_function::Tool;

use crate::limits::{DESCRIPTION, PIXELS};
use crate::media::log::{of_filter, value};
use crate::media::{Stream, quoted, url};

/// The tool, as the functions' declarations have it.
const TOOL: &str = "ffmpeg-vvc|ffmpeg-quality|ffmpeg";
/// The filter's name where the first frame leaves the decoder.
const FIRST: &str = "showinfo@first";

pub(super) fn spare() -> Tool {
    Tool::chosen(TOOL)
}

/// Completes what ffprobe says of a track whose codec it does not know; whether the other tool does. That
/// ffprobe reads the container is enough for everything that is told of packets.
pub(super) fn complete(file: &Path, track: &mut Stream) -> Result<bool, Error> {
    let mut first = First::default();
    let read = |pipe: &mut BufReader<ChildStdout>| Ok(codec(pipe.take(DESCRIPTION as u64)));
    // That it fails on the file is as if it did not know it either.
    let (codec, _) = tool(file, track.index).stream(read, |line| first.line(line))?;
    match (codec, first.layout.is_some()) {
        (Some(codec), true) => {
            first.complete(track, codec);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// One packet as it is, for the name of its codec and its headers; and the first frame.
fn tool(file: &Path, track: u32) -> Tool {
    let map = format!("0:{track}");
    spare()
        .words("-nostdin -hide_banner -nostats -loglevel repeat+level+info")
        .words("-noautorotate -threads 1 -filter_threads 1 -protocol_whitelist file")
        .args(["-format_whitelist", CONTAINERS])
        .args(["-max_pixels", &PIXELS.to_string(), "-i"])
        .arg(url(file))
        .args(["-map", &map])
        .words("-c copy -bsf:v trace_headers -frames:v 1 -f framecrc pipe:1")
        .args(["-map", &map, "-vf", &format!("{FIRST}=checksum=0")])
        .words("-frames:v 1 -f null /dev/null")
}

/// `#codec_id 0: vvc`
fn codec(list: impl BufRead) -> Option<String> {
    let mut names = list.lines().map_while(Result::ok).filter_map(|line| {
        let name = line.strip_prefix("#codec_id 0: ")?;
        Some(quoted(name.trim()))
    });
    let name = names.next();
    // Read to its end, so that the tool need not wait.
    names.for_each(drop);
    name
}

/// What headers and the first frame say.
#[derive(Debug, Default)]
struct First {
    profile: Option<i64>,
    level: Option<i64>,
    layout: Option<String>,
    shape: Option<String>,
    order: Option<&'static str>,
    range: Option<String>,
    matrix: Option<String>,
    primaries: Option<String>,
    transfer: Option<String>,
}

impl First {
    fn line(&mut self, line: &str) {
        if line.starts_with("[trace_headers @ 0x") {
            for (name, to) in [
                ("general_profile_idc", &mut self.profile),
                ("general_level_idc", &mut self.level),
            ] {
                *to = to.or_else(|| of_header(line, name));
            }
        } else if let Some(text) = of_filter(line, FIRST) {
            self.frame(text);
        }
    }

    fn frame(&mut self, text: &str) {
        let told = |key| value(text, key).map(quoted);
        if text.starts_with("n:") && self.layout.is_none() {
            self.layout = told(" fmt:");
            self.shape = told(" sar:").map(|shape| shape.replace('/', ":"));
            self.order = told(" i:").and_then(|order| match order.as_str() {
                "P" => Some("progressive"),
                "T" => Some("tt"),
                "B" => Some("bb"),
                _ => None,
            });
        } else if text.starts_with("color_range:") && self.range.is_none() {
            self.range = told("color_range:");
            self.matrix = told("color_space:");
            self.primaries = told("color_primaries:");
            self.transfer = told("color_trc:");
        }
    }

    /// What is not told of colour stays as the container tells it.
    fn complete(self, track: &mut Stream, codec: String) {
        const MAIN_10: i64 = 1;
        let known = |told: Option<String>| told.filter(|told| told != "unknown");
        let take = |to: &mut String, told: Option<String>| {
            if let Some(told) = told {
                *to = told;
            }
        };
        if codec == "vvc" && self.profile == Some(MAIN_10) {
            track.profile = "Main 10".to_owned();
        }
        track.codec_name = codec;
        track.level = self.level.unwrap_or(track.level);
        take(&mut track.pix_fmt, self.layout);
        take(&mut track.sample_aspect_ratio, self.shape);
        take(&mut track.field_order, self.order.map(str::to_owned));
        take(&mut track.color_range, known(self.range));
        take(&mut track.color_space, known(self.matrix));
        take(&mut track.color_primaries, known(self.primaries));
        take(&mut track.color_transfer, known(self.transfer));
    }
}

/// `[trace_headers @ 0x5574] [info] 40          general_level_idc          00010000 = 16`
fn of_header(line: &str, name: &str) -> Option<i64> {
    let (_, text) = line.split_once("] [info] ")?;
    let mut words = text.split_whitespace().skip(1);
    (words.next()? == name).then_some(())?;
    let number = words.skip_while(|word| *word != "=").nth(1)?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: [&str; 8] = [
        "[info]     title           : general_level_idc = 99",
        "[trace_headers @ 0x55] [info] 32          general_profile_idc          0000001 = 1",
        "[trace_headers @ 0x55] [info] 40          general_level_idc         00110011 = 51",
        "[trace_headers @ 0x55] [info] 40          general_level_idc         00110100 = 52",
        "[showinfo@first @ 0x7f] [info] config in time_base: 1/12288, frame_rate: 24/1",
        "[showinfo@first @ 0x7f] [info] n:   0 pts:      0 pts_time:0       duration:    512 \
         duration_time:0.04 fmt:yuv420p10le cl:unspecified sar:4/3 s:64x64 i:P iskey:1 type:I ",
        "[showinfo@first @ 0x7f] [info] color_range:pc color_space:bt2020nc color_primaries:bt2020 \
         color_trc:unknown",
        "[showinfo@first @ 0x7f] [info] n:   1 pts:    512 fmt:gray sar:1/1 s:2x2 i:T iskey:0 type:B ",
    ];

    #[test]
    fn the_first_frame_and_its_headers_complete_a_track() {
        let mut first = First::default();
        LOG.iter().for_each(|line| first.line(line));
        let mut track = Stream {
            level: -99,
            color_transfer: "smpte2084".into(),
            ..Stream::default()
        };
        first.complete(&mut track, "vvc".into());
        let expected = Stream {
            codec_name: "vvc".into(),
            profile: "Main 10".into(),
            level: 51,
            pix_fmt: "yuv420p10le".into(),
            sample_aspect_ratio: "4:3".into(),
            field_order: "progressive".into(),
            color_range: "pc".into(),
            color_space: "bt2020nc".into(),
            color_primaries: "bt2020".into(),
            color_transfer: "smpte2084".into(),
            ..Stream::default()
        };
        assert_eq!(track, expected);
    }

    #[test]
    fn the_codec_is_named_by_the_list_of_packets() {
        let list = "#extradata 0:      286, 0x510d49c1\n#tb 0: 1/12288\n#codec_id 0: vvc\n0, 0, 0";
        assert_eq!(codec(list.as_bytes()).as_deref(), Some("vvc"));
        assert_eq!(codec(&b""[..]), None);
    }
}
