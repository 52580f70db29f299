//! The settings of each encoder, by the names its users know.

/// An enum whose variants have names, in text and on the wire.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $text] $variant),+ }

        impl $name {
            /// Every variant, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name by which the encoder knows it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|variant| variant.name() == name)
            }
        }
    };
}

vocabulary! {
    /// How much effort x264 spends.
    Preset {
        Ultrafast = "ultrafast", Superfast = "superfast", Veryfast = "veryfast",
        Faster = "faster", Fast = "fast", Medium = "medium", Slow = "slow",
        Slower = "slower", Veryslow = "veryslow", Placebo = "placebo",
    }
}

vocabulary! {
    /// Tools of the standard that a decoder must know.
    Profile {
        Baseline = "baseline", Main = "main", High = "high",
        High10 = "high10", High422 = "high422", High444 = "high444",
    }
}

vocabulary! {
    /// What a decoder must be able to carry.
    Level {
        L1 = "1", L1b = "1b", L11 = "1.1", L12 = "1.2", L13 = "1.3",
        L2 = "2", L21 = "2.1", L22 = "2.2", L3 = "3", L31 = "3.1", L32 = "3.2",
        L4 = "4", L41 = "4.1", L42 = "4.2", L5 = "5", L51 = "5.1", L52 = "5.2",
        L6 = "6", L61 = "6.1", L62 = "6.2",
    }
}

vocabulary! {
    /// What x264 is tuned for.
    Tune {
        Film = "film", Animation = "animation", Grain = "grain", Stillimage = "stillimage",
        Psnr = "psnr", Ssim = "ssim", Fastdecode = "fastdecode", Zerolatency = "zerolatency",
    }
}

vocabulary! {
    /// What SVT-AV1 is tuned for.
    Av1Tune { Vq = "vq", Psnr = "psnr" }
}

vocabulary! {
    /// What a decoder of AV1 must be able to carry.
    Av1Level {
        L20 = "2.0", L21 = "2.1", L30 = "3.0", L31 = "3.1", L40 = "4.0", L41 = "4.1",
        L50 = "5.0", L51 = "5.1", L52 = "5.2", L53 = "5.3",
        L60 = "6.0", L61 = "6.1", L62 = "6.2", L63 = "6.3",
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

/// Settings of x264.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Avc {
    pub preset: Preset,
    /// None = the source's.
    pub bit_depth: Option<BitDepth>,
    /// None = the least that holds the video.
    pub profile: Option<Profile>,
    /// None = the least that holds the video.
    pub level: Option<Level>,
    pub tune: Option<Tune>,
}

impl Default for Avc {
    fn default() -> Self {
        Self {
            preset: Preset::Medium,
            bit_depth: None,
            profile: None,
            level: None,
            tune: None,
        }
    }
}

/// Settings of SVT-AV1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Av1 {
    /// Speed against size: 0, the slowest, to 13.
    pub preset: u8,
    /// None = the source's.
    pub bit_depth: Option<BitDepth>,
    /// None = the least that holds the video.
    pub level: Option<Av1Level>,
    pub tune: Option<Av1Tune>,
}

impl Av1 {
    /// Presets that can be asked for.
    pub const PRESETS: std::ops::RangeInclusive<u8> = 0..=13;

    /// Their names.
    pub const PRESET_NAMES: [&str; 14] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
    ];
}

impl Default for Av1 {
    fn default() -> Self {
        Self {
            preset: 8,
            bit_depth: None,
            level: None,
            tune: None,
        }
    }
}
