//! The coding formats, each with its encoder: a file for each, and a line in [`codings`].

mod args;
mod av1;
mod avc;
mod avc_level;
mod encoder;
mod hevc;
mod hevc_level;
mod level;
mod peak;
mod profile;
mod vp9;
mod vvc;

use std::fmt;
use std::hash::{Hash, Hasher};

use video::{FrameRate, Resolution};

pub use level::Level;
pub use profile::Profile;

pub(super) use encoder::Encoder;

use crate::recipe::{Container, Crf, RateControl};
use crate::wire;

/// Every coding format, the usual one first.
pub fn codings() -> &'static [&'static Coding] {
    static ALL: &[&Coding] = &[&avc::AVC, &hevc::HEVC, &av1::AV1, &vp9::VP9, &vvc::VVC];
    ALL
}

/// A coding format with its encoder: what can be asked of it, by the names its users know.
pub struct Coding {
    /// "avc"; a function `ves-{name}` encodes it.
    pub name: &'static str,
    /// What people call it: "H.264".
    pub title: &'static str,
    /// The program that encodes: "x264".
    pub encoder: &'static str,
    pub ffmpeg: Ffmpeg,
    /// On the wire.
    pub format: wire::CodecFormat,
    /// What ffprobe calls it: "h264".
    pub ffprobe_name: &'static str,
    /// What the encoder calls its degrees of effort.
    pub presets: &'static [&'static str],
    /// One of them.
    pub usual_preset: &'static str,
    /// In ascending order.
    pub profiles: &'static [Profile],
    /// In ascending order.
    pub levels: &'static [Level],
    pub tunes: &'static [&'static str],
    pub rate_factors: RateFactors,
    /// How it is led to a bitrate, by a first pass that tells what chunks cost; `None` where it cannot be.
    pub passes: Option<&'static Passes>,
    /// Whether its chunks are encoded until they come near enough to their source.
    pub meets_quality: bool,
    pub containers: &'static [Container],
    /// Of files that hold the coded video alone.
    pub extensions: &'static [&'static str],
    /// Whether the coded video itself tells the shape of its pixels.
    pub tells_pixel_shape: bool,
    /// Whether the coded video itself tells what HDR10 says of the whole film.
    pub tells_static_hdr: bool,
    pub(super) spec: &'static dyn Encoder,
}

/// The ffmpeg that has an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ffmpeg {
    /// As functions declare it: of `best|next|last`, the first that is there.
    pub tool: &'static str,
    /// What it calls the encoder: "libx264".
    pub encoder: &'static str,
}

impl Ffmpeg {
    /// The one that every machine has.
    const USUAL: &str = "ffmpeg";

    /// An encoder of the usual one.
    const fn usual(encoder: &'static str) -> Self {
        Self {
            tool: Self::USUAL,
            encoder,
        }
    }

    /// Whether it is a tool of its own, which a machine need not have.
    pub fn is_special(&self) -> bool {
        self.tool != Self::USUAL
    }
}

/// What an encoder that can be led is told in each pass, for people to read.
#[derive(Debug)]
pub struct Passes {
    pub first: &'static str,
    pub second: &'static str,
    /// Where it can be kept to a decoder's buffer.
    pub buffer: Option<&'static str>,
}

/// Constant rate factors of an encoder, in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct RateFactors {
    /// The best.
    pub least: u32,
    /// The worst.
    pub most: u32,
    /// 1000 where only whole numbers are possible.
    pub step: u32,
    pub usual: u32,
    pub lossless: Lossless,
}

/// Whether and how every sample can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lossless {
    Never,
    /// When it is asked for.
    Possible,
    /// As well by a rate factor of 0.
    AtZero,
}

impl Coding {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        codings().iter().copied().find(|coding| coding.name == name)
    }

    /// What is usual, where the request does not say.
    pub fn usual_rate_control(&self) -> RateControl {
        RateControl::Crf(self.usual_crf())
    }

    /// The least level that holds pictures of this size at this rate.
    pub fn least_level(&self, size: Resolution, rate: FrameRate) -> Option<&'static Level> {
        self.levels.iter().find(|level| level.holds(size, rate))
    }

    /// How it is kept to a decoder's buffer, where it can be.
    pub fn buffer(&self) -> Option<&'static str> {
        self.passes.and_then(|passes| passes.buffer)
    }

    /// The usual rate factor.
    pub fn usual_crf(&self) -> Crf {
        Crf(self.rate_factors.usual)
    }
}

impl RateFactors {
    /// This one, if the encoder has it.
    pub(super) fn of(&self, value: f64) -> Option<Crf> {
        let fits = |crf: &Crf| {
            (self.least..=self.most).contains(&crf.0) && crf.0.is_multiple_of(self.step)
        };
        Crf::new(value).filter(fits)
    }

    /// "0 (lossless), or 1 (best) to 51 (worst)"
    pub fn range(&self) -> String {
        let whole = if self.step == 1000 { "whole, " } else { "" };
        let lossless = match self.lossless {
            Lossless::AtZero => "0 (lossless), or ",
            Lossless::Never | Lossless::Possible => "",
        };
        format!(
            "{whole}{lossless}{} (best) to {} (worst)",
            Crf(self.least),
            Crf(self.most)
        )
    }
}

impl PartialEq for Coding {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Coding {}

impl Hash for Coding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_is_complete_and_has_names_of_its_own() {
        let mut names: Vec<_> = codings().iter().map(|coding| coding.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), codings().len());
        for coding in codings() {
            assert!(coding.presets.contains(&coding.usual_preset), "{coding:?}");
            let factors = coding.rate_factors;
            assert!(factors.of(f64::from(factors.usual) / 1000.0).is_some());
            assert!(coding.levels.is_sorted_by_key(|level| level.code));
            assert!(coding.containers.contains(&Container::default()));
            assert_eq!(Coding::named(coding.name), Some(*coding));
        }
    }
}
