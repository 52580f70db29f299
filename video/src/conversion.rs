//! What becomes of a source's frames before anything else is done, as far as several of them are looked
//! at.

use serde::{Deserialize, Serialize};

use crate::ScanType;

/// How the frames of an interlaced source become progressive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlacing {
    /// One of each frame, by its first field.
    Frame,
    /// One of each field, at twice the rate.
    Field,
}

/// Nothing, or deinterlacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Conversion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deinterlacer: Option<(Deinterlacing, Field)>,
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
        }
    }

    /// Whether frames stay as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.deinterlacer.is_none()
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

    /// How many frames come of each.
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
        u64::from(!self.is_none())
    }

    /// The filters of ffmpeg that do it, each the same on every processor; empty when there are none.
    #[must_use]
    pub fn ffmpeg_filters(&self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            of_fields.ffmpeg_filters(),
            "bwdif=mode=send_field:parity=bff:deint=all"
        );
        let of_frames = Conversion::new(Some(Deinterlacing::Frame), ScanType::TopFieldFirst);
        assert_eq!((of_frames.frames_of_each(), of_frames.reach()), (1, 1));
        let nothing = Conversion::new(None, ScanType::TopFieldFirst);
        assert_eq!((nothing.frames_of_each(), nothing.reach()), (1, 0));
        assert_eq!(nothing.ffmpeg_filters(), "");
    }
}
