use std::fmt;

use video::{DecoderBuffer, Deinterlacing, FrameRate, Rational, StaticHdr};

use crate::quality::Goal;
use crate::recipe::{Codec, Edges, Size};

/// How to encode, normalised: every default filled in, every value within its bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Recipe {
    pub codec: Codec,
    /// None = the source's.
    pub size: Option<Size>,
    pub chunking: Chunking,
    pub rate_control: RateControl,
    /// What a decoder has that is never kept waiting; None = no matter.
    pub buffer: Option<DecoderBuffer>,
    pub container: Container,
    pub other_tracks: OtherTracks,
    pub damage: Damage,
    /// Instead of what the source says.
    pub static_hdr: StaticHdr,
    /// Cut off the source's picture, before it is resized.
    pub crop: Option<Edges>,
    /// Black, put around the picture, after it was resized.
    pub padding: Option<Edges>,
    /// What becomes of an interlaced source's fields, before anything else; None = they stay.
    pub deinterlacing: Option<Deinterlacing>,
    /// Of exactly so many frames in a second; None = every frame at its own time.
    pub frame_rate: Option<FrameRate>,
}

/// What happens when the source lacks frames that it promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Damage {
    /// The request fails.
    #[default]
    Fail,
    /// What decodes is encoded.
    Conceal,
}

/// Where to cut the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chunking {
    pub target: Target,
    pub alignment: Alignment,
    /// Decoding can begin with the first frames of chunks and no others.
    pub aligned_access: bool,
}

/// How long a chunk shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Milliseconds of the source, at its nominal frame rate; [`Target::MILLISECONDS`].
    Milliseconds(u64),
    /// Frames; [`Target::FRAMES`].
    Frames(u32),
}

impl Target {
    /// Lengths that can be asked for.
    pub const MILLISECONDS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
    /// Lengths that can be asked for.
    pub const FRAMES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
}

impl Default for Target {
    /// Ten seconds: long enough that cutting costs about one per cent of the bits.
    fn default() -> Self {
        Self::Milliseconds(10_000)
    }
}

/// Whether cuts keep to the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// Near the grid, at random access points of the source, which spares decoding twice.
    #[default]
    Source,
    /// Exactly at multiples of the target length.
    Fixed,
}

/// How bits are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateControl {
    /// Constant rate factor.
    Crf(Crf),
    /// Every sample is kept.
    Lossless,
    /// So many bits of the coded video in a second, on average over the whole file.
    Bitrate(Bitrate),
    /// This near to the source's picture, on average over the whole file.
    Quality(Goal),
}

impl Default for RateControl {
    fn default() -> Self {
        Codec::default().usual_rate_control()
    }
}

/// A constant rate factor, above 0 and up to 63, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Crf(pub(super) u32);

impl Crf {
    /// The nearest thousandth; `None` beyond 63, at 0 and below it.
    pub fn new(value: f64) -> Option<Self> {
        let thousandths = (value * 1000.0).round();
        (1.0..=63_000.0)
            .contains(&thousandths)
            .then_some(Self(thousandths as u32))
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl fmt::Display for Crf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value(), f)
    }
}

/// Bits in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bitrate(u64);

impl Bitrate {
    /// What can be asked for.
    pub const RANGE: std::ops::RangeInclusive<u64> = 1_000..=1_000_000_000;

    /// `None` beyond [`Self::RANGE`].
    pub fn new(bits_per_second: u64) -> Option<Self> {
        let possible = Self::RANGE.contains(&bits_per_second);
        possible.then_some(Self(bits_per_second))
    }

    /// Bits in a second.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Bits in so many seconds, to the nearest.
    pub fn bits_in(self, seconds: Rational) -> u64 {
        let bits = i64::try_from(self.0)
            .ok()
            .and_then(|rate| seconds.round_mul(rate));
        bits.and_then(|bits| u64::try_from(bits).ok())
            .unwrap_or(u64::MAX)
    }
}

/// The file format of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Container {
    #[default]
    Mp4,
    /// The coded video alone.
    Elementary,
    /// Matroska.
    Mkv,
    WebM,
    /// Frames with their times.
    Ivf,
}

impl Container {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Mp4,
        Self::Elementary,
        Self::Mkv,
        Self::WebM,
        Self::Ivf,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Elementary => "an elementary stream",
            Self::Mkv => "Matroska",
            Self::WebM => "WebM",
            Self::Ivf => "IVF",
        }
    }

    /// Whether it holds the coded video alone, and tells nothing of it but times at most.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Elementary | Self::Ivf)
    }

    /// Whether its times are whole milliseconds.
    pub fn is_matroska(self) -> bool {
        matches!(self, Self::Mkv | Self::WebM)
    }
}

/// What happens to the tracks beside the video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OtherTracks {
    /// Kept whole, unchanged, where the container allows.
    #[default]
    Copy,
    /// Left out.
    None,
}
