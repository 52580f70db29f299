//! How lines make up frames.

use serde::{Deserialize, Serialize};

/// Whether the lines of a frame belong to one instant, and if not, which field is first in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanType {
    /// The source does not say.
    #[default]
    Unknown,
    Progressive,
    TopFieldFirst,
    BottomFieldFirst,
}

impl ScanType {
    /// From ffprobe's `field_order`, whose two letters are coded and displayed order: what is
    /// displayed first counts.
    #[must_use]
    pub fn from_ffprobe(field_order: &str) -> Self {
        match field_order {
            "progressive" => ScanType::Progressive,
            "tt" | "bt" => ScanType::TopFieldFirst,
            "bb" | "tb" => ScanType::BottomFieldFirst,
            _ => ScanType::Unknown,
        }
    }

    #[must_use]
    pub fn is_interlaced(self) -> bool {
        matches!(self, ScanType::TopFieldFirst | ScanType::BottomFieldFirst)
    }
}
