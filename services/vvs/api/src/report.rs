//! What was found: discrepancies, their codes and how grave they are.

use errors::FrameRange;
use proto::base::v1 as base;
use serde::{Deserialize, Serialize};

use crate::wire;

/// Name of the blob that holds a whole [`Report`] as JSON.
pub const REPORT: &str = "report.json";

/// Codes of discrepancies, the gravest first. Stable: they are part of the contract.
pub const CODES: [&str; 33] = [
    // The wrong pictures.
    FOREIGN_FRAMES,
    BLACK_FRAMES,
    FROZEN_FRAMES,
    FRAME_MISSING,
    FRAME_DOUBLED,
    FRAMES_SWAPPED,
    FRAMES_SHIFTED,
    // Pictures that cannot be seen.
    UNCLEAN_DECODE,
    WRONG_FRAME_COUNT,
    HIDDEN_FRAMES,
    SIZE_CHANGES,
    // At the wrong time.
    WRONG_TIMESTAMPS,
    WRONG_DURATION,
    // Shown wrongly.
    WRONG_SIZE,
    WRONG_ROTATION,
    WRONG_PIXEL_SHAPE,
    WRONG_SCAN,
    WRONG_MATRIX,
    WRONG_RANGE,
    WRONG_PRIMARIES,
    WRONG_TRANSFER,
    WRONG_MASTERING_DISPLAY,
    WRONG_CONTENT_LIGHT,
    // Not as ordered.
    WRONG_CODEC,
    WRONG_PROFILE,
    LEVEL_EXCEEDED,
    WRONG_PIXEL_FORMAT,
    WRONG_TRACKS,
    BUFFER_UNDERFLOW,
    ACCESS_POINT_MISSING,
    ACCESS_POINT_EXTRA,
    RARE_ACCESS,
    QUALITY_STEP,
];

pub const FOREIGN_FRAMES: &str = "FOREIGN_FRAMES";
pub const BLACK_FRAMES: &str = "BLACK_FRAMES";
pub const FROZEN_FRAMES: &str = "FROZEN_FRAMES";
pub const FRAME_MISSING: &str = "FRAME_MISSING";
pub const FRAME_DOUBLED: &str = "FRAME_DOUBLED";
pub const FRAMES_SWAPPED: &str = "FRAMES_SWAPPED";
pub const FRAMES_SHIFTED: &str = "FRAMES_SHIFTED";
pub const UNCLEAN_DECODE: &str = "UNCLEAN_DECODE";
pub const WRONG_FRAME_COUNT: &str = "WRONG_FRAME_COUNT";
pub const HIDDEN_FRAMES: &str = "HIDDEN_FRAMES";
pub const SIZE_CHANGES: &str = "SIZE_CHANGES";
pub const WRONG_TIMESTAMPS: &str = "WRONG_TIMESTAMPS";
pub const WRONG_DURATION: &str = "WRONG_DURATION";
pub const WRONG_SIZE: &str = "WRONG_SIZE";
pub const WRONG_ROTATION: &str = "WRONG_ROTATION";
pub const WRONG_PIXEL_SHAPE: &str = "WRONG_PIXEL_SHAPE";
pub const WRONG_SCAN: &str = "WRONG_SCAN";
pub const WRONG_MATRIX: &str = "WRONG_MATRIX";
pub const WRONG_RANGE: &str = "WRONG_RANGE";
pub const WRONG_PRIMARIES: &str = "WRONG_PRIMARIES";
pub const WRONG_TRANSFER: &str = "WRONG_TRANSFER";
pub const WRONG_MASTERING_DISPLAY: &str = "WRONG_MASTERING_DISPLAY";
pub const WRONG_CONTENT_LIGHT: &str = "WRONG_CONTENT_LIGHT";
pub const WRONG_CODEC: &str = "WRONG_CODEC";
pub const WRONG_PROFILE: &str = "WRONG_PROFILE";
pub const LEVEL_EXCEEDED: &str = "LEVEL_EXCEEDED";
pub const WRONG_PIXEL_FORMAT: &str = "WRONG_PIXEL_FORMAT";
pub const WRONG_TRACKS: &str = "WRONG_TRACKS";
pub const BUFFER_UNDERFLOW: &str = "BUFFER_UNDERFLOW";
pub const ACCESS_POINT_MISSING: &str = "ACCESS_POINT_MISSING";
pub const ACCESS_POINT_EXTRA: &str = "ACCESS_POINT_EXTRA";
pub const RARE_ACCESS: &str = "RARE_ACCESS";
pub const QUALITY_STEP: &str = "QUALITY_STEP";

/// One difference from what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// One of [`CODES`].
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The frames it concerns: of the video, but for `FRAME_MISSING`, whose are the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameRange>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// What follows from it, and is not counted: behind a missing frame all others are shifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<Discrepancy>,
}

/// All that was found about a video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The gravest first.
    pub discrepancies: Vec<Discrepancy>,
    /// How many there are, also beyond those that are listed.
    pub discrepancy_count: u64,
    /// Checks that were made, passed or not.
    pub checks: Vec<String>,
    /// Frames of the video that were decoded; of the source, when there is no video.
    pub frames: u64,
    /// How far pictures are from the source's, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// The most points of a [`Quality`].
pub const POINTS: usize = 1_000;

/// How far the pictures of a video are from those of its source that they resemble most, over its
/// length: means over 32 × 18 cells, in hundredths of a level of 8 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// Frames that each point stands for; the last one for what is left.
    pub frames_per_point: u64,
    /// The mean of these frames, and the worst of them.
    pub mean: Vec<u32>,
    pub worst: Vec<u32>,
}

impl Quality {
    /// Of the distances of all frames in order.
    pub fn of(distances: &[u32]) -> Self {
        let frames = distances.len().div_ceil(POINTS).max(1);
        let points = distances.chunks(frames);
        let mean = |point: &[u32]| {
            let sum: u64 = point.iter().copied().map(u64::from).sum();
            u32::try_from(sum / point.len().max(1) as u64).unwrap_or(u32::MAX)
        };
        Self {
            frames_per_point: frames as u64,
            mean: points.clone().map(mean).collect(),
            worst: points
                .filter_map(|point| point.iter().copied().max())
                .collect(),
        }
    }
}

impl Discrepancy {
    /// A discrepancy of the whole video.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            frames: None,
            expected: String::new(),
            found: String::new(),
            consequences: Vec::new(),
        }
    }

    /// Names the frames it concerns.
    #[must_use]
    pub fn frames(mut self, start: u64, end: u64) -> Self {
        self.frames = Some(FrameRange { start, end });
        self
    }

    /// Says what was expected and what was found.
    #[must_use]
    pub fn differs(mut self, expected: impl ToString, found: impl ToString) -> Self {
        self.expected = expected.to_string();
        self.found = found.to_string();
        self
    }

    /// Its place among [`CODES`]; lower is graver.
    fn gravity(&self) -> usize {
        let place = CODES.iter().position(|code| *code == self.code);
        place.unwrap_or(CODES.len())
    }
}

impl Report {
    /// A report of all that was found; at most `listed` are.
    pub fn new(
        mut found: Vec<Discrepancy>,
        checks: Vec<String>,
        frames: u64,
        listed: usize,
    ) -> Self {
        found.sort_by_key(|one| (one.gravity(), one.frames.map(|frames| frames.start)));
        let discrepancy_count = found.len() as u64;
        found.truncate(listed);
        Self {
            discrepancies: found,
            discrepancy_count,
            checks,
            frames,
            quality: None,
        }
    }

    /// With how far its pictures are from the source's.
    #[must_use]
    pub fn with_quality(mut self, quality: Option<Quality>) -> Self {
        self.quality = quality;
        self
    }

    /// The response, with at most `listed` discrepancies, and fewer where it would have more than
    /// `bytes` bytes as JSON.
    pub fn response(&self, listed: usize, bytes: usize) -> wire::ValidateResponse {
        let mut response = wire::ValidateResponse {
            discrepancy_count: self.discrepancy_count,
            checks: self.checks.clone(),
            frames: self.frames,
            ..Default::default()
        };
        let mut room = bytes.saturating_sub(json_bytes(&response));
        for discrepancy in self.discrepancies.iter().take(listed) {
            let discrepancy = wire::Discrepancy::from(discrepancy.clone());
            let needed = json_bytes(&discrepancy) + 1;
            if needed > room {
                break;
            }
            room -= needed;
            response.discrepancies.push(discrepancy);
        }
        response
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

impl From<Discrepancy> for wire::Discrepancy {
    fn from(discrepancy: Discrepancy) -> Self {
        let range = |frames: FrameRange| base::FrameRange {
            start: frames.start,
            end: frames.end,
            ..Default::default()
        };
        let consequences = discrepancy.consequences.into_iter();
        Self {
            code: discrepancy.code,
            message: discrepancy.message,
            frames: discrepancy.frames.map(range).into(),
            expected: discrepancy.expected,
            found: discrepancy.found,
            consequences: consequences.map(Self::from).collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn many(count: u64) -> Vec<Discrepancy> {
        let one = |at| Discrepancy::new(QUALITY_STEP, "x".repeat(300)).frames(at, at + 1);
        (0..count).map(one).collect()
    }

    #[test]
    fn the_gravest_come_first_then_the_earliest() {
        let mut found = many(2);
        found.insert(
            1,
            Discrepancy::new(FOREIGN_FRAMES, "another film").frames(9, 10),
        );
        let report = Report::new(found, vec![], 0, 2);
        let start = |one: &Discrepancy| one.frames.map(|frames| frames.start);
        let listed = report.discrepancies.iter();
        let told: Vec<_> = listed.map(|one| (one.code.as_str(), start(one))).collect();
        assert_eq!(told, [(FOREIGN_FRAMES, Some(9)), (QUALITY_STEP, Some(0))]);
        assert_eq!(report.discrepancy_count, 3);
    }

    #[test]
    fn a_response_is_as_long_as_it_may_be() {
        let report = Report::new(many(1000), vec!["quality-steps".into()], 5, 500);
        let response = report.response(100, 15 << 10);
        let json = serde_json::to_vec(&response).unwrap();
        assert!(
            (14 << 10..=15 << 10).contains(&json.len()),
            "{}",
            json.len()
        );
        assert_eq!(response.discrepancy_count, 1000);
        assert_eq!(report.response(10, 15 << 10).discrepancies.len(), 10);
    }

    #[test]
    fn quality_has_as_many_points_as_may_be_told() {
        let short = Quality::of(&[1, 3, 2]);
        assert_eq!((short.frames_per_point, short.mean), (1, vec![1, 3, 2]));
        let mut distances = vec![10; 2_500];
        distances[4] = 40;
        let long = Quality::of(&distances);
        assert_eq!((long.frames_per_point, long.mean.len()), (3, 834));
        assert_eq!((long.mean[1], long.worst[1]), (20, 40));
        assert_eq!(Quality::of(&[]).mean.len(), 0);
    }

    #[test]
    fn a_report_without_figures_is_read_as_before() {
        let old = r#"{"discrepancies":[],"discrepancy_count":0,"checks":[],"frames":3}"#;
        let report: Report = serde_json::from_str(old).unwrap();
        assert_eq!(report.quality, None);
        assert_eq!(serde_json::to_string(&report).unwrap(), old);
    }

    #[test]
    fn every_code_has_one_place() {
        let mut codes = CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }
}
