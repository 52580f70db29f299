//! Which tools of a standard a decoder must know.

use errors::Error;
use video::{Chroma, PixelFormat};

use crate::recipe::Codec;

/// A profile, by the sample layouts that it holds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// What the encoder calls it: "high10".
    pub name: &'static str,
    /// What ffprobe calls it: "High 10".
    pub ffprobe_name: &'static str,
    pub(super) chroma: &'static [Chroma],
    /// Bits per sample, from and to.
    pub(super) depths: (u8, u8),
}

pub(super) const YUV420: &[Chroma] = &[Chroma::Yuv420];
pub(super) const UP_TO_420: &[Chroma] = &[Chroma::Monochrome, Chroma::Yuv420];
pub(super) const UP_TO_422: &[Chroma] = &[Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv422];
pub(super) const ALL_CHROMA: &[Chroma] = &[
    Chroma::Monochrome,
    Chroma::Yuv420,
    Chroma::Yuv422,
    Chroma::Yuv444,
];

impl Profile {
    pub(super) const fn new(
        name: &'static str,
        ffprobe_name: &'static str,
        chroma: &'static [Chroma],
        depths: (u8, u8),
    ) -> Self {
        Self {
            name,
            ffprobe_name,
            chroma,
            depths,
        }
    }

    fn holds(&self, layout: &PixelFormat) -> bool {
        let (least, most) = self.depths;
        let chroma = layout.chroma();
        chroma.is_some_and(|chroma| self.chroma.contains(&chroma))
            && layout
                .bit_depth()
                .is_some_and(|depth| (least..=most).contains(&depth))
    }
}

/// Refuses a layout that the profile cannot hold that was asked for.
pub(super) fn check(codec: &Codec, layout: &PixelFormat) -> Result<(), Error> {
    let Some(profile) = codec.profile.filter(|profile| !profile.holds(layout)) else {
        return Ok(());
    };
    let message = format!("the profile {} cannot hold {layout}", profile.name);
    let error = Error::user("IMPOSSIBLE_COMBINATION", message).at("recipe.codec.profile");
    let profiles = codec.coding.profiles;
    let least = profiles.iter().find(|profile| profile.holds(layout));
    Err(match least {
        Some(least) => error.hint(format!("use {}, or leave the profile out", least.name)),
        None => error.hint("leave the profile out"),
    })
}
