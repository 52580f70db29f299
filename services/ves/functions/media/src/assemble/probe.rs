//! Which tracks a source has beside its video.

use std::path::Path;

use errors::Error;
use serde::Deserialize;
use stratum_function::{Tool, WorkDir};
use ves_api::recipe::Container;

/// A track of the source, as ffprobe tells it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stream {
    pub(crate) index: u32,
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    sample_rate: String,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct Streams {
    #[serde(default)]
    streams: Vec<Stream>,
}

/// Sorted into what the container can hold and what it cannot.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) kept: Vec<Stream>,
    /// One sentence for each that is left out.
    pub(crate) warnings: Vec<String>,
}

/// Whether a container can hold a track unchanged, as ffmpeg names its kind and codec.
pub fn holds(container: Container, kind: &str, codec: &str) -> bool {
    let (audio, text): (&[&str], &[&str]) = match container {
        Container::Mp4 => (&MP4_AUDIO, &["mov_text"]),
        Container::Mkv => (&MKV_AUDIO, &MKV_TEXT),
        Container::WebM => (&["opus", "vorbis"], &["webvtt"]),
        Container::Elementary | Container::Ivf => (&[], &[]),
    };
    match kind {
        "audio" => audio.contains(&codec),
        "subtitle" => text.contains(&codec),
        _ => false,
    }
}

const MP4_AUDIO: [&str; 9] = [
    "aac", "mp3", "mp2", "ac3", "eac3", "opus", "flac", "alac", "dts",
];
const MKV_AUDIO: [&str; 16] = [
    "aac",
    "mp3",
    "mp2",
    "ac3",
    "eac3",
    "opus",
    "flac",
    "alac",
    "dts",
    "vorbis",
    "truehd",
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s32le",
    "pcm_f32le",
    "pcm_u8",
];
const MKV_TEXT: [&str; 6] = [
    "subrip",
    "ass",
    "webvtt",
    "hdmv_pgs_subtitle",
    "dvd_subtitle",
    "dvb_subtitle",
];

/// Asks ffprobe.
pub(crate) fn other_streams(work: &WorkDir, container: Container) -> Result<Sorted, Error> {
    let mut json = String::new();
    Tool::new("ffprobe")
        .args([
            "-v",
            "error",
            "-protocol_whitelist",
            "file",
            "-of",
            "json",
            "-show_entries",
        ])
        .arg("stream=index,codec_type,codec_name,sample_rate:stream_disposition=attached_pic")
        .arg(work.input("source"))
        .run(|line| {
            json.push_str(line);
            Ok(())
        })?;
    let streams: Streams = serde_json::from_str(&json)
        .map_err(|e| Error::function("PROBE", format!("ffprobe's answer is malformed: {e}")))?;
    Ok(sort(streams.streams, container))
}

/// The first video that is no cover picture is the video itself.
fn sort(streams: Vec<Stream>, container: Container) -> Sorted {
    let moving = |stream: &&Stream| stream.is_video() && stream.disposition.attached_pic == 0;
    let main = streams.iter().find(moving).map(|stream| stream.index);
    let mut sorted = Sorted::default();
    for stream in streams
        .into_iter()
        .filter(|stream| Some(stream.index) != main)
    {
        match holds(container, &stream.codec_type, &stream.codec_name) {
            true => sorted.kept.push(stream),
            false => sorted.warnings.push(stream.left_out(container)),
        }
    }
    sorted
}

impl Stream {
    fn is_video(&self) -> bool {
        self.codec_type == "video"
    }

    fn left_out(&self, container: Container) -> String {
        let word = |text: &str| {
            if text.is_empty() {
                "unknown".to_owned()
            } else {
                text.to_owned()
            }
        };
        let (kind, codec) = (word(&self.codec_type), word(&self.codec_name));
        format!(
            "track {} ({kind}, {codec}) was left out: {} cannot hold it beside the video",
            self.index,
            container.name()
        )
    }

    /// Ticks per second that its timestamps need; 1 when it does not say.
    pub(crate) fn rate(&self) -> u32 {
        self.sample_rate.parse().unwrap_or(1).max(1)
    }
}

/// When the first packet of the track at this index is presented, in microseconds on the file's
/// clock; `None` when there is none, or it does not say.
pub(crate) fn first_us(file: &Path, index: u32) -> Result<Option<i64>, Error> {
    let mut start = None;
    Tool::new("ffprobe")
        .args([
            "-v",
            "error",
            "-protocol_whitelist",
            "file",
            "-of",
            "csv=p=0",
        ])
        .args(["-select_streams", &index.to_string()])
        .args([
            "-read_intervals",
            "%+#1",
            "-show_entries",
            "packet=pts_time",
        ])
        .arg(file)
        .run(|line| {
            start = start.or(microseconds(line));
            Ok(())
        })?;
    Ok(start)
}

/// "-0.023220" as microseconds.
fn microseconds(line: &str) -> Option<i64> {
    let (sign, digits) = match line.trim().trim_end_matches(',').strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, line.trim().trim_end_matches(',')),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    Some(sign * (seconds.checked_mul(1_000_000)? + fraction))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_read_as_microseconds() {
        assert_eq!(microseconds("-0.023220"), Some(-23_220));
        assert_eq!(microseconds("95441.500000,"), Some(95_441_500_000));
        assert_eq!(microseconds("N/A"), None);
    }

    #[test]
    fn what_a_container_cannot_hold_is_left_out_with_a_word() {
        let streams: Streams = serde_json::from_str(
            r#"{"streams": [
                {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}},
                {"index": 1, "codec_type": "video", "codec_name": "h264"},
                {"index": 2, "codec_type": "audio", "codec_name": "aac", "sample_rate": "48000"},
                {"index": 3, "codec_type": "subtitle", "codec_name": "subrip"},
                {"index": 4, "codec_type": "data"}]}"#,
        )
        .unwrap();
        let sorted = sort(streams.streams.clone(), Container::Mp4);
        let kept: Vec<_> = sorted.kept.iter().map(|s| (s.index, s.rate())).collect();
        assert_eq!(kept, [(2, 48_000)]);
        assert_eq!(sorted.warnings.len(), 3);
        assert!(sorted.warnings[1].contains("track 3 (subtitle, subrip)"));
        let kept = |container| {
            let kept = sort(streams.streams.clone(), container).kept;
            kept.into_iter().map(|s| s.index).collect::<Vec<_>>()
        };
        assert_eq!(kept(Container::Mkv), [2, 3]);
        assert!(kept(Container::WebM).is_empty() && kept(Container::Elementary).is_empty());
    }
}
