//! What a source is.

use serde::Serialize;
use stratum_frames::{Examined, Origin, TrackDescription};
use video::{Chroma, Rational, ScanType};

use super::timing::Timing;
use crate::ves::place::Source;

/// A source, in figures and in the field's names.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Facts {
    pub path: String,
    pub size_bytes: u64,
    /// ffmpeg's name, and the one for people.
    pub container: String,
    pub container_name: String,
    pub chapters: u64,
    pub video: Video,
    pub frames: u64,
    /// Frames at which decoding can start.
    pub random_access_points: u64,
    /// Whether everything was decoded to know the frames.
    pub decoded: bool,
    #[serde(flatten)]
    pub timing: Timing,
    pub other_tracks: Vec<OtherTrack>,
}

/// The video track that is encoded.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Video {
    pub track: u32,
    pub codec: String,
    pub profile: Option<String>,
    pub width: u32,
    pub height: u32,
    /// Width of a pixel over its height.
    pub sample_aspect_ratio: Rational,
    /// Width of the picture over its height, on a screen.
    pub display_aspect_ratio: Option<Rational>,
    pub pixel_format: String,
    pub bit_depth: Option<u8>,
    pub chroma: Option<Chroma>,
    pub colour: Colour,
    /// Signs of high dynamic range: "PQ", "HLG", "mastering display G(…)…", …
    pub hdr: Vec<String>,
    pub scan: ScanType,
    /// Nominal frames per second.
    pub frame_rate: Rational,
    /// Seconds per tick of its timestamps.
    pub time_base: Rational,
    /// Degrees clockwise for display.
    pub rotation: u32,
}

/// ffmpeg's names; `null` where the source does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Colour {
    pub primaries: Option<&'static str>,
    pub transfer: Option<&'static str>,
    pub matrix: Option<&'static str>,
    pub range: Option<&'static str>,
}

/// A track beside the video.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OtherTrack {
    pub index: u32,
    pub kind: String,
    pub codec: String,
    pub language: Option<String>,
    pub title: Option<String>,
    pub channels: Option<u32>,
    pub sample_rate: Option<u32>,
    pub is_attached_picture: bool,
}

impl Facts {
    pub(super) fn of(source: &Source, examined: &Examined) -> Self {
        let (table, description) = (&examined.table, &examined.description);
        let info = table.source();
        let frames = table.range(0, table.len());
        let others = description.tracks.iter();
        Self {
            path: source.path.display().to_string(),
            size_bytes: source.bytes,
            container: info.container.clone(),
            container_name: description.container_name.clone(),
            chapters: description.chapters as u64,
            video: Video::of(examined),
            frames: table.len(),
            random_access_points: frames.filter(|frame| frame.key).count() as u64,
            decoded: table.origin() == Origin::Decoded,
            timing: Timing::of(table),
            other_tracks: others
                .filter(|track| track.index != info.track)
                .map(OtherTrack::of)
                .collect(),
        }
    }
}

impl Video {
    fn of(examined: &Examined) -> Self {
        let info = examined.table.source();
        let format = &info.format;
        let mut tracks = examined.description.tracks.iter();
        let told = tracks.find(|track| track.index == info.track);
        let sar = format.sample_aspect_ratio;
        Self {
            track: info.track,
            codec: info.codec.clone(),
            profile: told.and_then(|track| track.profile.clone()),
            width: format.resolution.width(),
            height: format.resolution.height(),
            sample_aspect_ratio: sar.as_rational(),
            display_aspect_ratio: sar.display_aspect_ratio(format.resolution),
            pixel_format: format.pixel_format.to_string(),
            bit_depth: format.pixel_format.bit_depth(),
            chroma: format.pixel_format.chroma(),
            colour: Colour::of(&format.colour),
            hdr: hdr(format, told),
            scan: format.scan_type,
            frame_rate: format.frame_rate.as_rational(),
            time_base: format.time_base.as_rational(),
            rotation: format.rotation.degrees(),
        }
    }
}

impl Colour {
    fn of(colour: &video::ColourDescription) -> Self {
        let told = |name: Option<&'static str>| name.filter(|name| *name != "unknown");
        Self {
            primaries: told(colour.primaries.ffmpeg_name()),
            transfer: told(colour.transfer.ffmpeg_name()),
            matrix: told(colour.matrix.ffmpeg_name()),
            range: match colour.range {
                video::Range::Unspecified => None,
                video::Range::Limited => Some("limited"),
                video::Range::Full => Some("full"),
            },
        }
    }
}

/// Signs of high dynamic range, from the transfer function and from what travels beside.
fn hdr(format: &video::VideoFormat, track: Option<&TrackDescription>) -> Vec<String> {
    let transfer = match format.colour.transfer.code() {
        16 => Some("PQ"),
        18 => Some("HLG"),
        _ => None,
    };
    let beside = track.map(|track| &track.side_data[..]).unwrap_or_default();
    let named = beside.iter().filter_map(|data| match data.as_str() {
        "DOVI configuration record" => Some("Dolby Vision"),
        data if data.contains("HDR10+") || data.contains("2094-40") => Some("HDR10+"),
        _ => None,
    });
    let display = format.hdr.mastering_display;
    let light = format.hdr.content_light;
    let told = [
        display.map(|display| format!("mastering display {display}")),
        light.map(|light| format!("content light level {light}")),
    ];
    let signs = transfer.into_iter().chain(named).map(str::to_owned);
    signs.chain(told.into_iter().flatten()).collect()
}

impl OtherTrack {
    fn of(track: &TrackDescription) -> Self {
        let TrackDescription {
            index,
            kind,
            codec,
            profile: _,
            language,
            title,
            channels,
            sample_rate,
            is_attached_picture,
            side_data: _,
        } = track.clone();
        Self {
            index,
            kind,
            codec,
            language,
            title,
            channels,
            sample_rate,
            is_attached_picture,
        }
    }
}
