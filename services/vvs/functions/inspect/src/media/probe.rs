//! The tracks of a file.

use std::path::Path;

use errors::Error;
use serde::Deserialize;
use stratum_frames::{CONTAINERS, HdrSideData};
use stratum_function::Tool;
use video::{Chroma, PixelFormat, Range, StaticHdr};

use crate::limits::DESCRIPTION;
use crate::media::{quoted, spare, url};

/// A file's tracks, as ffprobe describes them.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Container,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    format_name: String,
}

/// Containers that can say what HDR10 says of a film, by ffprobe's names.
const TELLING_HDR: [&str; 2] = ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"];

/// The fields of ffprobe's that are used.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Stream {
    pub(crate) index: u32,
    pub(crate) codec_type: String,
    pub(crate) codec_name: String,
    pub(crate) codec_tag_string: String,
    pub(crate) profile: String,
    pub(crate) level: i64,
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
    pub(crate) avg_frame_rate: String,
    pub(crate) nb_frames: String,
    pub(crate) duration_ts: i64,
    pub(crate) disposition: Disposition,
    pub(crate) side_data_list: Vec<SideData>,
    /// Whether the usual ffmpeg does not know its codec, and the spare one does.
    #[serde(skip)]
    pub(crate) spare: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Disposition {
    attached_pic: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    /// Degrees anticlockwise.
    pub(crate) rotation: f64,
    #[serde(flatten)]
    pub(crate) hdr: HdrSideData,
}

impl Description {
    fn tracks(&self) -> impl Iterator<Item = &Stream> {
        let is_track = |stream: &&Stream| stream.disposition.attached_pic == 0;
        self.streams.iter().filter(is_track)
    }

    /// The first video track; cover pictures are none.
    pub(crate) fn video(&self) -> Option<&Stream> {
        self.tracks().find(|stream| stream.codec_type == "video")
    }

    fn video_mut(&mut self) -> Option<&mut Stream> {
        let index = self.video()?.index;
        self.streams.iter_mut().find(|stream| stream.index == index)
    }

    /// Whether the container can say what HDR10 says of a film.
    pub(crate) fn container_tells_hdr(&self) -> bool {
        TELLING_HDR.contains(&self.format.format_name.as_str())
    }

    /// How many tracks there are beside the video.
    pub(crate) fn others(&self) -> u64 {
        (self.tracks().count() as u64).saturating_sub(u64::from(self.video().is_some()))
    }
}

impl Stream {
    /// Whether no tool knows its codec.
    fn is_unknown(&self) -> bool {
        self.codec_name.is_empty() && self.pix_fmt.is_empty()
    }

    /// Refuses a track that nothing here can decode.
    pub(crate) fn check_decoder(&self) -> Result<(), Error> {
        if !self.is_unknown() {
            return Ok(());
        }
        let tag = quoted(&self.codec_tag_string);
        let message = format!("no ffmpeg here knows the codec of the video ({tag})");
        Err(Error::source("NO_DECODER", message)
            .at("video")
            .hint("put an ffmpeg that decodes it on PATH where videos are validated, under the name ffmpeg-vvc"))
    }

    /// What the container says of HDR10.
    pub(crate) fn static_hdr(&self) -> StaticHdr {
        let told = self.side_data_list.iter().map(|data| data.hdr.static_hdr());
        told.fold(StaticHdr::default(), StaticHdr::or)
    }

    /// Whether luma comes out of the decoder, or of a conversion from colours, in the full range.
    pub(crate) fn full_range(&self) -> bool {
        let layout = PixelFormat::new(self.pix_fmt.as_str());
        let implied = layout.as_ref().is_some_and(PixelFormat::implies_full_range);
        let chroma = layout.and_then(|layout| layout.chroma());
        let converted = chroma.is_none_or(|chroma| chroma == Chroma::Rgb);
        !converted && (implied || Range::from_ffprobe(&self.color_range) == Range::Full)
    }
}

/// Asks ffprobe. That it cannot read the file is a [failure of the tool](stratum_function::ToolFailure),
/// whose class the caller knows better.
pub(crate) fn describe(file: &Path) -> Result<Description, Error> {
    let mut json = String::new();
    ffprobe()
        .words("-v error -of json -show_streams -show_format")
        .arg(url(file))
        .run(|line| {
            json.push_str(line);
            let fits = json.len() <= DESCRIPTION;
            fits.then_some(())
                .ok_or_else(|| malformed("it is too long"))
        })
        .map_err(not_a_video)?;
    let described = serde_json::from_str(&json).map_err(|e| malformed(&e.to_string()))?;
    completed(described, file)
}

/// Has the spare tool describe the video whose layout ffprobe cannot tell, as it has no decoder.
fn completed(mut described: Description, file: &Path) -> Result<Description, Error> {
    if let Some(track) = described.video_mut().filter(|track| track.is_unknown()) {
        track.spare = spare::complete(file, track)?;
    }
    Ok(described)
}

/// Says in plain words that the format was refused.
fn not_a_video(mut error: Error) -> Error {
    let refused = |cause: &Error| cause.message.contains("Format not on whitelist");
    if error.causes.iter().any(refused) {
        error.message = "its format is none that holds its own frames: playlists and scripts, \
                         which point to other files, are not read"
            .into();
    }
    error
}

pub(super) fn ffprobe() -> Tool {
    Tool::new("ffprobe")
        .words("-protocol_whitelist file")
        .args(["-format_whitelist", CONTAINERS])
}

pub(super) fn malformed(what: &str) -> Error {
    let message = format!("ffprobe's answer is malformed: {}", quoted(what));
    Error::function("PROBE", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn range_is_told_or_implied() {
        let stream = |pix_fmt: &str, color_range: &str| Stream {
            pix_fmt: pix_fmt.into(),
            color_range: color_range.into(),
            ..Stream::default()
        };
        for (layout, range, full) in [
            ("yuv420p", "", false),
            ("yuv420p", "tv", false),
            ("yuv420p", "pc", true),
            ("yuvj420p", "", true),
            // Converted to a limited range.
            ("rgb24", "pc", false),
        ] {
            assert_eq!(stream(layout, range).full_range(), full, "{layout} {range}");
        }
    }

    #[test]
    fn a_cover_picture_is_no_track() {
        let json = r#"{"streams": [
            {"index": 0, "codec_type": "video", "disposition": {"attached_pic": 1}},
            {"index": 1, "codec_type": "video", "codec_name": "h264", "level": 41},
            {"index": 2, "codec_type": "audio"}]}"#;
        let described: Description = serde_json::from_str(json).unwrap();
        let video = described.video().unwrap();
        assert_eq!((video.index, video.level, described.others()), (1, 41, 1));
        let none: Description = serde_json::from_str("{}").unwrap();
        assert_eq!((none.video(), none.others()), (None, 0));
    }
}
