//! What there is to choose from: the one place that knows the presets' source.

use serde::Serialize;
use ves_api::recipe::{Coding, codings, fields, rungs};
use ves_api::wire;

use super::example::{self, Example};

/// A preset of whole recipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NamedPreset {
    pub name: String,
    /// One sentence.
    pub about: String,
    /// What it sets: field of the recipe and value.
    pub fields: Vec<(String, String)>,
    /// What comes of it for one source.
    pub example: Option<Example>,
}

/// A ladder with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NamedLadder {
    pub name: String,
    /// One sentence.
    pub about: String,
    /// Its rungs, from the first.
    pub rungs: Vec<NamedPreset>,
}

/// The names that an encoder gives to one of its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    pub encoder: String,
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
        example: example::of(&preset.recipe),
    })
    .collect()
}

/// Ladders, with what each rung comes to.
pub(super) fn ladders() -> Vec<NamedLadder> {
    let all = ves_api::recipe::ladders().iter();
    all.map(|named| NamedLadder {
        name: named.name.clone(),
        about: named.description.clone(),
        rungs: rungs_of(&named.ladder),
    })
    .collect()
}

/// What rungs say by themselves, and what they come to as those of a ladder.
fn rungs_of(ladder: &wire::Ladder) -> Vec<NamedPreset> {
    let filled = rungs(&wire::Recipe::default(), ladder).unwrap_or_default();
    let both = ladder.rungs.iter().zip(filled);
    both.map(|(rung, filled)| NamedPreset {
        name: rung.name.clone(),
        about: String::new(),
        fields: rung.recipe.as_option().map(fields).unwrap_or_default(),
        example: example::of(&filled.recipe.into()),
    })
    .collect()
}

/// Settings of each encoder, by the names its users know.
pub(super) fn settings() -> Vec<Setting> {
    codings().iter().flat_map(|coding| of(coding)).collect()
}

fn of(coding: &Coding) -> Vec<Setting> {
    let profiles = coding.profiles.iter().map(|profile| profile.name);
    let levels = coding.levels.iter().map(|level| level.name);
    let all = [
        (
            "--preset",
            "effort, from the fastest to the smallest",
            coding.presets.to_vec(),
        ),
        (
            "--tune",
            "what the picture is made of, or what the result is for",
            coding.tunes.to_vec(),
        ),
        (
            "--profile",
            "tools that a decoder must know; left out: the least that holds the video",
            profiles.collect(),
        ),
        (
            "--level",
            "what a decoder must be able to carry; left out: the least that holds the video",
            levels.collect(),
        ),
    ];
    let settings = all.into_iter().filter(|(_, _, names)| !names.is_empty());
    settings
        .map(|(argument, about, names)| Setting {
            encoder: format!("{} ({})", coding.title, coding.encoder),
            argument,
            about,
            names,
        })
        .collect()
}
