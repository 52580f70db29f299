//! Which tracks a source has beside its video.

use errors::Error;
use serde::Deserialize;
use ves_api::function::{Tool, WorkDir};

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

/// Sorted into what MP4 can hold and what it cannot.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) kept: Vec<Stream>,
    /// One sentence for each that is left out.
    pub(crate) warnings: Vec<String>,
}

/// Asks ffprobe.
pub(crate) fn other_streams(work: &WorkDir) -> Result<Sorted, Error> {
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
    Ok(sort(streams.streams))
}

/// The first video that is no cover picture is the video itself.
fn sort(streams: Vec<Stream>) -> Sorted {
    let moving = |stream: &&Stream| stream.is_video() && stream.disposition.attached_pic == 0;
    let main = streams.iter().find(moving).map(|stream| stream.index);
    let mut sorted = Sorted::default();
    for stream in streams
        .into_iter()
        .filter(|stream| Some(stream.index) != main)
    {
        match stream.fits_mp4() {
            true => sorted.kept.push(stream),
            false => sorted.warnings.push(stream.left_out()),
        }
    }
    sorted
}

/// Whether a track of this kind and codec, both by ffmpeg's names, is kept beside the video in MP4.
pub fn mp4_holds(kind: &str, codec: &str) -> bool {
    match kind {
        "audio" => matches!(
            codec,
            "aac" | "mp3" | "mp2" | "ac3" | "eac3" | "opus" | "flac" | "alac" | "dts"
        ),
        "subtitle" => codec == "mov_text",
        _ => false,
    }
}

impl Stream {
    fn is_video(&self) -> bool {
        self.codec_type == "video"
    }

    fn fits_mp4(&self) -> bool {
        mp4_holds(&self.codec_type, &self.codec_name)
    }

    fn left_out(&self) -> String {
        let word = |text: &str| {
            if text.is_empty() {
                "unknown".to_owned()
            } else {
                text.to_owned()
            }
        };
        let (kind, codec) = (word(&self.codec_type), word(&self.codec_name));
        format!(
            "track {} ({kind}, {codec}) was left out: MP4 cannot hold it beside the video",
            self.index
        )
    }

    /// Ticks per second that its timestamps need; 1 when it does not say.
    pub(crate) fn rate(&self) -> u32 {
        self.sample_rate.parse().unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_mp4_cannot_hold_is_left_out_with_a_word() {
        let streams: Streams = serde_json::from_str(
            r#"{"streams": [
                {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}},
                {"index": 1, "codec_type": "video", "codec_name": "h264"},
                {"index": 2, "codec_type": "audio", "codec_name": "aac", "sample_rate": "48000"},
                {"index": 3, "codec_type": "subtitle", "codec_name": "subrip"},
                {"index": 4, "codec_type": "data"}]}"#,
        )
        .unwrap();
        let sorted = sort(streams.streams);
        let kept: Vec<_> = sorted.kept.iter().map(|s| (s.index, s.rate())).collect();
        assert_eq!(kept, [(2, 48_000)]);
        assert_eq!(sorted.warnings.len(), 3);
        assert!(sorted.warnings[1].contains("track 3 (subtitle, subrip)"));
    }
}
