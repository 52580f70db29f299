//! What a source is beside its frames: from ffprobe's description of streams and container.

use serde::{Deserialize, Serialize};
use video::{
    ColourDescription, FrameRate, Matrix, PixelFormat, Primaries, Range, Rational, Resolution,
    Rotation, SampleAspectRatio, ScanType, StaticHdr, TimeBase, Transfer, VideoFormat,
};

use crate::{Error, HdrSideData};

/// A source's video track, container, and other tracks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// ffmpeg's name of the container: `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// Of the video track among all tracks of the file.
    pub track: u32,
    /// ffmpeg's name of the codec: `h264`.
    pub codec: String,
    pub format: VideoFormat,
    /// Digest of the codec's configuration record, empty when there is none out of band.
    pub configuration: String,
    /// How many samples the container's header announces, if it does.
    pub announced: Option<u64>,
    /// What is missing or broken, in words, where a decode of everything was needed to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    pub other_tracks: Vec<Track>,
}

/// A track that is not the one of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    pub index: u32,
    pub kind: TrackKind,
    /// ffmpeg's name; empty when it knows none.
    pub codec: String,
    pub time_base: TimeBase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Video,
    Audio,
    Subtitle,
    Other,
}

/// ffprobe's JSON, as much of it as is read.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Container,
}

#[derive(Deserialize)]
struct Container {
    format_name: String,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    sample_aspect_ratio: String,
    #[serde(default)]
    pix_fmt: String,
    #[serde(default)]
    color_range: String,
    #[serde(default)]
    color_space: String,
    #[serde(default)]
    color_transfer: String,
    #[serde(default)]
    color_primaries: String,
    #[serde(default)]
    field_order: String,
    #[serde(default)]
    r_frame_rate: String,
    #[serde(default)]
    avg_frame_rate: String,
    time_base: String,
    #[serde(default)]
    nb_frames: String,
    #[serde(default)]
    extradata_hash: String,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
    #[serde(flatten)]
    hdr: HdrSideData,
}

/// When nothing says how fast a video is.
const FALLBACK_RATE: Rational = Rational::whole(25);

impl SourceInfo {
    /// From the JSON of `ffprobe -show_streams -show_format -show_data_hash sha256`: the first
    /// video track that is not a cover picture.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let probe: Probe = serde_json::from_slice(json)
            .map_err(|e| Error::Source(format!("ffprobe's description is unreadable: {e}")))?;
        let is_video = |s: &&Stream| s.codec_type == "video" && s.disposition.attached_pic == 0;
        let video = probe.streams.iter().find(is_video);
        let video = video.ok_or_else(|| Error::Source("there is no video track".into()))?;
        Ok(SourceInfo {
            container: probe.format.format_name,
            track: video.index,
            codec: video.codec_name.clone(),
            format: video.format()?,
            configuration: video.extradata_hash.clone(),
            announced: video.nb_frames.parse().ok(),
            damage: None,
            other_tracks: other_tracks(&probe.streams, video.index),
        })
    }

    /// One nominal frame in ticks, at least 1.
    pub(crate) fn nominal_duration(&self) -> i64 {
        let period = self.format.frame_rate.as_rational().inverse();
        let ticks = period.and_then(|p| p.checked_div(self.format.time_base.as_rational()));
        ticks.and_then(|t| t.round_mul(1)).unwrap_or(1).max(1)
    }
}

fn other_tracks(streams: &[Stream], video: u32) -> Vec<Track> {
    let others = streams.iter().filter(|stream| stream.index != video);
    others.filter_map(Stream::track).collect()
}

impl Stream {
    fn track(&self) -> Option<Track> {
        Some(Track {
            index: self.index,
            kind: match self.codec_type.as_str() {
                "video" => TrackKind::Video,
                "audio" => TrackKind::Audio,
                "subtitle" => TrackKind::Subtitle,
                _ => TrackKind::Other,
            },
            codec: self.codec_name.clone(),
            time_base: positive(&self.time_base).and_then(TimeBase::new)?,
        })
    }

    fn format(&self) -> Result<VideoFormat, Error> {
        let broken = |what: &str| {
            Error::Source(format!(
                "the video track ({}) has no {what}",
                self.codec_name
            ))
        };
        Ok(VideoFormat {
            resolution: Resolution::new(self.width, self.height)
                .ok_or_else(|| broken("picture size"))?,
            sample_aspect_ratio: positive(&self.sample_aspect_ratio)
                .and_then(SampleAspectRatio::new)
                .unwrap_or(SampleAspectRatio::SQUARE),
            pixel_format: PixelFormat::new(self.pix_fmt.clone())
                .ok_or_else(|| broken("pixel format that can be decoded"))?,
            colour: self.colour(),
            scan_type: ScanType::from_ffprobe(&self.field_order),
            frame_rate: self.frame_rate(),
            time_base: positive(&self.time_base)
                .and_then(TimeBase::new)
                .ok_or_else(|| broken("time base"))?,
            rotation: self.rotation(),
            hdr: self.static_hdr(),
        })
    }

    fn colour(&self) -> ColourDescription {
        ColourDescription {
            primaries: Primaries::from_ffprobe(&self.color_primaries),
            transfer: Transfer::from_ffprobe(&self.color_transfer),
            matrix: Matrix::from_ffprobe(&self.color_space),
            range: Range::from_ffprobe(&self.color_range),
        }
    }

    /// The rate that every frame is a multiple of, unless that is a mere tick; else the average.
    fn frame_rate(&self) -> FrameRate {
        let (real, average) = (positive(&self.r_frame_rate), positive(&self.avg_frame_rate));
        let plausible = |rate: &Rational| *rate <= Rational::whole(1000);
        let rate = real.filter(plausible).or(average.filter(plausible));
        let rate = rate
            .and_then(FrameRate::new)
            .or(FrameRate::new(FALLBACK_RATE));
        rate.unwrap_or_else(|| unreachable!("25 is above 0"))
    }

    fn static_hdr(&self) -> StaticHdr {
        let told = self.side_data_list.iter().map(|data| data.hdr.static_hdr());
        told.fold(StaticHdr::default(), StaticHdr::or)
    }

    /// ffprobe's angle turns against the clock.
    fn rotation(&self) -> Rotation {
        let angle = self.side_data_list.iter().find_map(|data| data.rotation);
        let degrees = angle.map(|angle| -angle.round() as i64);
        degrees.and_then(Rotation::from_degrees).unwrap_or_default()
    }
}

fn positive(text: &str) -> Option<Rational> {
    text.parse()
        .ok()
        .filter(|ratio: &Rational| ratio.is_positive())
}
