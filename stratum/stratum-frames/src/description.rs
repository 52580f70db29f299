//! What a file says of itself beyond what its frame table needs: for people.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Error;

/// A file in its own words. All texts come from the file, and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// "Matroska / WebM"; empty when the tool has no name for it.
    pub container_name: String,
    /// In microseconds, as the container has it; often an estimate.
    pub duration_us: Option<u64>,
    pub tracks: Vec<TrackDescription>,
    pub chapters: usize,
}

/// A track in the file's own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackDescription {
    pub index: u32,
    /// "video", "audio", "subtitle", "data", "attachment"; empty when it is none of them.
    pub kind: String,
    /// ffmpeg's name; empty when it knows none.
    pub codec: String,
    pub profile: Option<String>,
    pub language: Option<String>,
    pub title: Option<String>,
    pub channels: Option<u32>,
    /// Hz.
    pub sample_rate: Option<u32>,
    /// A still picture that belongs to the file, such as a cover.
    pub is_attached_picture: bool,
    /// What travels beside the samples: "Mastering display metadata", "Content light level
    /// metadata", "DOVI configuration record".
    pub side_data: Vec<String>,
}

/// More tracks, or more side data of one, are not told.
const MOST: usize = 256;
/// Longer texts are cut.
const LONGEST: usize = 200;

#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Container,
    #[serde(default)]
    chapters: Vec<IgnoredAny>,
}

#[derive(Deserialize, Default)]
struct Container {
    #[serde(default)]
    format_long_name: String,
    #[serde(default)]
    duration: String,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    profile: Option<String>,
    channels: Option<u32>,
    sample_rate: Option<String>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Tags {
    language: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    side_data_type: Option<String>,
}

impl Description {
    /// From the JSON of `ffprobe -show_streams -show_format -show_chapters`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let probe: Probe = serde_json::from_slice(json)
            .map_err(|e| Error::Source(format!("ffprobe's description is unreadable: {e}")))?;
        let tracks = probe.streams.into_iter().take(MOST);
        Ok(Description {
            container_name: short(probe.format.format_long_name),
            duration_us: microseconds(&probe.format.duration),
            tracks: tracks.map(TrackDescription::from).collect(),
            chapters: probe.chapters.len(),
        })
    }
}

impl From<Stream> for TrackDescription {
    fn from(stream: Stream) -> Self {
        let told = |text: Option<String>| text.map(short).filter(|text| !text.is_empty());
        let side_data = stream.side_data_list.into_iter().take(MOST);
        TrackDescription {
            index: stream.index,
            kind: short(stream.codec_type),
            codec: short(stream.codec_name),
            profile: told(stream.profile),
            // ISO 639-2: undetermined.
            language: told(stream.tags.language).filter(|language| language != "und"),
            title: told(stream.tags.title),
            channels: stream.channels.filter(|channels| *channels > 0),
            sample_rate: stream.sample_rate.and_then(|rate| rate.parse().ok()),
            is_attached_picture: stream.disposition.attached_pic != 0,
            side_data: side_data
                .filter_map(|data| told(data.side_data_type))
                .collect(),
        }
    }
}

/// From seconds with six digits after the point: "5.005000".
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    let seconds: u64 = seconds.parse().ok()?;
    let fraction: u64 = fraction.parse().ok().filter(|_| fraction.len() == 6)?;
    seconds.checked_mul(1_000_000)?.checked_add(fraction)
}

fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_told_is_kept_and_what_is_not_is_missing() {
        let json = br#"{"streams": [
            {"index": 0, "codec_type": "video", "codec_name": "hevc", "profile": "Main 10",
             "side_data_list": [{"side_data_type": "Mastering display metadata", "red_x": "1/2"}]},
            {"index": 1, "codec_type": "audio", "codec_name": "aac", "channels": 2,
             "sample_rate": "48000", "tags": {"language": "ger", "title": "Kommentar"}},
            {"index": 2, "codec_type": "data", "tags": {"language": "und", "title": ""}},
            {"index": 3, "codec_type": "video", "codec_name": "png",
             "disposition": {"attached_pic": 1}}],
            "chapters": [{"id": 0}, {"id": 1}],
            "format": {"format_long_name": "Matroska / WebM", "duration": "5.005000"}}"#;
        let description = Description::parse(json).unwrap();
        assert_eq!(description.container_name, "Matroska / WebM");
        assert_eq!(description.chapters, 2);
        assert_eq!(description.duration_us, Some(5_005_000));
        let [video, audio, data, cover] = &description.tracks[..] else {
            unreachable!("four tracks")
        };
        assert_eq!(video.profile.as_deref(), Some("Main 10"));
        assert_eq!(video.side_data, ["Mastering display metadata"]);
        assert_eq!(
            (audio.channels, audio.sample_rate, audio.language.as_deref()),
            (Some(2), Some(48_000), Some("ger"))
        );
        assert_eq!((data.language.as_ref(), data.title.as_ref()), (None, None));
        assert!(cover.is_attached_picture && !video.is_attached_picture);
    }

    #[test]
    fn a_duration_that_is_none_is_missing() {
        for text in [
            "",
            "N/A",
            "-1.000000",
            "5",
            "5.5",
            "99999999999999999999.000000",
        ] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(short("ä".repeat(500)).chars().count(), LONGEST);
    }
}
