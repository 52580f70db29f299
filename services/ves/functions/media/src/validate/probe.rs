//! What ffprobe sees in the file.

use std::path::Path;

use errors::Error;
use serde::Deserialize;
use ves_api::function::Tool;

/// The file as a demuxer sees it.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) video: Stream,
    /// Tracks beside the video.
    pub(crate) others: u64,
    /// When each packet of the video is presented, ascending, in ticks of its time base.
    pub(crate) pts: Vec<i64>,
    /// Packets that the file itself says not to present.
    pub(crate) hidden: u64,
}

/// The fields of ffprobe's that are compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Stream {
    pub(crate) codec_type: String,
    pub(crate) codec_name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sample_aspect_ratio: String,
    pub(crate) pix_fmt: String,
    pub(crate) color_range: String,
    pub(crate) color_space: String,
    pub(crate) color_transfer: String,
    pub(crate) color_primaries: String,
    pub(crate) field_order: String,
    pub(crate) time_base: String,
    pub(crate) duration_ts: i64,
    pub(crate) side_data_list: Vec<SideData>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    /// Degrees anticlockwise.
    pub(crate) rotation: i64,
}

#[derive(Deserialize)]
struct Streams {
    streams: Vec<Stream>,
}

/// Asks ffprobe for the tracks and for the packets of the video. An elementary stream, whose
/// `format` is given, has no times.
pub(crate) fn probe(video: &Path, format: Option<&str>) -> Result<Probed, Error> {
    let streams = streams(video, format)?;
    let first = streams.iter().find(|stream| stream.codec_type == "video");
    let (mut pts, mut hidden) = (Vec::new(), 0);
    ffprobe(format)
        .args([
            "-select_streams",
            "v:0",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts,flags",
        ])
        .arg(video)
        .run(|line| {
            let (time, flags) = line.split_once(',').unwrap_or((line, ""));
            match flags.contains('D') {
                true => hidden += 1,
                // Their number still counts.
                false if format.is_some() => pts.push(pts.len() as i64),
                false => pts.push(time.parse().map_err(|_| malformed(line))?),
            }
            Ok(())
        })?;
    pts.sort_unstable();
    Ok(Probed {
        video: first.cloned().unwrap_or_default(),
        others: streams.len().saturating_sub(1) as u64,
        pts,
        hidden,
    })
}

fn streams(video: &Path, format: Option<&str>) -> Result<Vec<Stream>, Error> {
    let mut json = String::new();
    ffprobe(format)
        .args(["-of", "json", "-show_streams"])
        .arg(video)
        .run(|line| {
            json.push_str(line);
            Ok(())
        })?;
    let streams: Streams = serde_json::from_str(&json).map_err(|e| malformed(&e.to_string()))?;
    Ok(streams.streams)
}

fn ffprobe(format: Option<&str>) -> Tool {
    Tool::new("ffprobe")
        .args(["-v", "error", "-protocol_whitelist", "file"])
        .args(format.map_or(vec![], |format| vec!["-f", format]))
}

fn malformed(what: &str) -> Error {
    let what: String = what.chars().take(200).collect();
    Error::function("PROBE", format!("ffprobe's answer is malformed: {what}"))
}
