//! What becomes of a source's frames before anything else is done, as far as several of them are looked
//! at.

use serde::{Deserialize, Serialize};

use crate::{FrameRate, Rational, ScanType, TimeBase};

/// How the frames of an interlaced source become progressive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlacing {
    /// One of each frame, by its first field.
    Frame,
    /// One of each field, at twice the rate.
    Field,
}

/// Nothing, or deinterlacing, or a constant rate, or one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Conversion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deinterlacer: Option<(Deinterlacing, Field)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cadence: Option<Cadence>,
}

/// Frames at a constant rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cadence {
    pub rate: FrameRate,
    /// How many there are.
    pub frames: u64,
}

/// Which field of a frame is the first in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    Top,
    Bottom,
}

impl Conversion {
    /// What was asked for, of frames of this scan: nothing where they are not known to be interlaced.
    #[must_use]
    pub fn new(asked: Option<Deinterlacing>, scan: ScanType) -> Self {
        let first = match scan {
            ScanType::TopFieldFirst => Some(Field::Top),
            ScanType::BottomFieldFirst => Some(Field::Bottom),
            ScanType::Progressive | ScanType::Unknown => None,
        };
        Conversion {
            deinterlacer: asked.zip(first),
            cadence: None,
        }
    }

    /// The same with frames at a constant rate behind it.
    #[must_use]
    pub fn at_rate(self, cadence: Option<Cadence>) -> Self {
        Conversion { cadence, ..self }
    }

    /// The constant rate of the frames that come of it, if it has one.
    #[must_use]
    pub fn cadence(&self) -> Option<Cadence> {
        self.cadence
    }

    /// The ticks in which the deinterlacer tells times; none beyond all bounds.
    #[must_use]
    pub fn ticks(&self, source: TimeBase) -> Option<TimeBase> {
        match self.deinterlacer {
            Some(_) => TimeBase::new(source.as_rational().checked_div(Rational::whole(2))?),
            None => Some(source),
        }
    }

    /// Whether frames stay as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.deinterlacer.is_none() && self.cadence.is_none()
    }

    /// How frames are deinterlaced, if they are.
    #[must_use]
    pub fn deinterlacing(&self) -> Option<Deinterlacing> {
        self.deinterlacer.map(|(how, _)| how)
    }

    /// The scan of the frames that are deinterlaced.
    #[must_use]
    pub fn scan_type(&self) -> Option<ScanType> {
        self.deinterlacer.map(|(_, first)| match first {
            Field::Top => ScanType::TopFieldFirst,
            Field::Bottom => ScanType::BottomFieldFirst,
        })
    }

    /// How many frames the deinterlacer makes of each.
    #[must_use]
    pub fn frames_of_each(&self) -> u64 {
        match self.deinterlacing() {
            Some(Deinterlacing::Field) => 2,
            Some(Deinterlacing::Frame) | None => 1,
        }
    }

    /// How many frames on either side of one are looked at.
    #[must_use]
    pub fn reach(&self) -> u64 {
        u64::from(self.deinterlacer.is_some())
    }

    /// The filter of ffmpeg that deinterlaces, the same on every processor; empty when nothing is deinterlaced.
    #[must_use]
    pub fn deinterlacer(&self) -> String {
        let Some((how, first)) = self.deinterlacer else {
            return String::new();
        };
        let mode = match how {
            Deinterlacing::Frame => "send_frame",
            Deinterlacing::Field => "send_field",
        };
        let parity = match first {
            Field::Top => "tff",
            Field::Bottom => "bff",
        };
        format!("bwdif=mode={mode}:parity={parity}:deint=all")
    }
}

impl Cadence {
    /// Where in frames of this rate a time since the first frame is, to the nearest; none before it, or
    /// beyond all bounds.
    #[must_use]
    pub fn place(rate: FrameRate, ticks: TimeBase, since_first: i64) -> Option<u64> {
        let frames = ticks.as_rational().checked_mul(rate.as_rational())?;
        u64::try_from(frames.round_mul(since_first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_rounded_to_frames_without_drift() {
        let rate = |n, d| FrameRate::new(Rational::new(n, d).unwrap()).unwrap();
        let place =
            |rate, ticks, time| Cadence::place(rate, TimeBase::per_second(ticks).unwrap(), time);
        // Milliseconds that were rounded are where they were.
        let ntsc = rate(30_000, 1001);
        let all = (0..400_000).map(|n: i64| (n * 1001 + 15) / 30);
        assert!(
            all.enumerate()
                .all(|(n, ms)| place(ntsc, 1_000, ms) == Some(n as u64))
        );
        assert_eq!(place(rate(25, 1), 50, 1), Some(1));
        assert_eq!(place(rate(25, 1), 50, -2), None);
        assert_eq!(place(rate(480, 1), 1, i64::MAX), None);
    }

    #[test]
    fn only_what_is_interlaced_is_deinterlaced() {
        let field = |scan| Conversion::new(Some(Deinterlacing::Field), scan);
        for scan in [ScanType::Progressive, ScanType::Unknown] {
            assert_eq!(field(scan), Conversion::default());
        }
        let of_fields = field(ScanType::BottomFieldFirst);
        assert_eq!((of_fields.frames_of_each(), of_fields.reach()), (2, 1));
        assert_eq!(of_fields.scan_type(), Some(ScanType::BottomFieldFirst));
        assert_eq!(
            of_fields.deinterlacer(),
            "bwdif=mode=send_field:parity=bff:deint=all"
        );
        let of_frames = Conversion::new(Some(Deinterlacing::Frame), ScanType::TopFieldFirst);
        assert_eq!((of_frames.frames_of_each(), of_frames.reach()), (1, 1));
        let nothing = Conversion::new(None, ScanType::TopFieldFirst);
        assert_eq!((nothing.frames_of_each(), nothing.reach()), (1, 0));
        assert_eq!(nothing.deinterlacer(), "");
    }
}
