//! What there is to choose from: the one place that knows the presets' source.

use serde::Serialize;
use ves_api::recipe::{Av1, Av1Level, Av1Tune, Level, Preset, Profile, Tune};

/// A preset of whole recipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NamedPreset {
    pub name: String,
    /// One sentence.
    pub about: String,
    /// What it sets: field of the recipe and value.
    pub fields: Vec<(String, String)>,
}

/// The names that an encoder gives to one of its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    pub encoder: &'static str,
    /// The argument that takes them.
    pub argument: &'static str,
    pub about: &'static str,
    pub names: Vec<&'static str>,
}

/// Presets of whole recipes.
pub(super) fn presets() -> Vec<NamedPreset> {
    let all = ves_api::recipe::presets().iter();
    all.map(|preset| NamedPreset {
        name: preset.name.clone(),
        about: preset.description.clone(),
        fields: preset.fields(),
    })
    .collect()
}

/// Settings of each encoder, by the names its users know.
pub(super) fn settings() -> Vec<Setting> {
    let avc = |argument, about, names| Setting {
        encoder: "AVC (x264)",
        argument,
        about,
        names,
    };
    let av1 = |argument, about, names| Setting {
        encoder: "AV1 (SVT-AV1)",
        argument,
        about,
        names,
    };
    vec![
        avc(
            "--preset",
            "effort, from the fastest to the smallest",
            named(Preset::ALL, Preset::name),
        ),
        avc(
            "--tune",
            "what the picture is made of, or what the result is for",
            named(Tune::ALL, Tune::name),
        ),
        avc(
            "--profile",
            "tools that a decoder must know; left out: the least that holds the video",
            named(Profile::ALL, Profile::name),
        ),
        avc(
            "--level",
            "what a decoder must be able to carry; left out: the least that holds the video",
            named(Level::ALL, Level::name),
        ),
        av1(
            "--preset",
            "effort, from the smallest to the fastest",
            Av1::PRESET_NAMES.into(),
        ),
        av1(
            "--tune",
            "what is minimised: what people see, or squared differences",
            named(Av1Tune::ALL, Av1Tune::name),
        ),
        av1(
            "--level",
            "what a decoder must be able to carry; left out: the least that holds the video",
            named(Av1Level::ALL, Av1Level::name),
        ),
    ]
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| name(*value)).collect()
}
