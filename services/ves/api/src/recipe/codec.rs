use crate::recipe::{Coding, Level, Profile, RateControl, codings};

/// The coding format and its encoder's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Codec {
    pub coding: &'static Coding,
    /// One of the encoder's.
    pub preset: &'static str,
    /// None = the source's.
    pub bit_depth: Option<BitDepth>,
    /// None = the least that holds the video.
    pub profile: Option<&'static Profile>,
    /// None = the least that holds the video.
    pub level: Option<&'static Level>,
    /// None = the encoder's own.
    pub tune: Option<&'static str>,
}

impl Codec {
    /// Nothing but what is usual.
    pub fn usual(coding: &'static Coding) -> Self {
        Self {
            coding,
            preset: coding.usual_preset,
            bit_depth: None,
            profile: None,
            level: None,
            tune: None,
        }
    }

    /// "avc"; a function `ves-{name}` encodes it.
    pub fn name(&self) -> &'static str {
        self.coding.name
    }

    /// What ffprobe calls it: "h264".
    pub fn ffprobe_name(&self) -> &'static str {
        self.coding.ffprobe_name
    }

    /// What is usual, where the request does not say.
    pub fn usual_rate_control(&self) -> RateControl {
        self.coding.usual_rate_control()
    }
}

impl Default for Codec {
    fn default() -> Self {
        Self::usual(codings()[0])
    }
}

/// Bits per sample that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BitDepth {
    Eight,
    Ten,
}

impl From<BitDepth> for u8 {
    fn from(depth: BitDepth) -> Self {
        match depth {
            BitDepth::Eight => 8,
            BitDepth::Ten => 10,
        }
    }
}
