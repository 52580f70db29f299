//! What there is to choose from: the one place that knows the presets' source.

use serde::Serialize;
use ves_api::recipe::{self, Level, Preset, Profile, Tune};

/// A preset of whole recipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NamedPreset {
    pub name: String,
    /// One sentence.
    pub about: String,
    /// What it sets: argument and value.
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
    let named = recipe::presets().iter().map(|preset| NamedPreset {
        name: preset.name.clone(),
        about: preset.description.clone(),
        fields: preset.fields(),
    });
    named.collect()
}

/// Settings of each encoder, by the names its users know.
pub(super) fn settings() -> Vec<Setting> {
    let avc = |argument, about, names| Setting {
        encoder: "AVC (x264)",
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
    ]
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| name(*value)).collect()
}
