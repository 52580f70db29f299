//! Recipes with a name.

use std::sync::LazyLock;

use buffa::Enumeration;
use errors::Error;
use proto::video::v1;
use serde::Deserialize;

use crate::recipe::codings;
use crate::wire;

/// A recipe with a name. It fills what a request leaves unset, and never replaces what it says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NamedPreset {
    /// "web-1080p-av1"
    pub name: String,
    /// One line for people.
    pub description: String,
    /// What it sets.
    pub recipe: wire::Recipe,
}

/// All of them, in the order in which they are shown.
pub fn presets() -> &'static [NamedPreset] {
    static ALL: LazyLock<Vec<NamedPreset>> = LazyLock::new(|| {
        // The file is part of the program, and a test reads it.
        serde_json::from_str(include_str!("presets.json")).unwrap_or_default()
    });
    &ALL
}

impl NamedPreset {
    /// What it sets, field by field: ("codec.bit_depth", "10").
    pub fn fields(&self) -> Vec<(String, String)> {
        fields(&self.recipe)
    }
}

/// What a recipe says, field by field: ("codec.bit_depth", "10").
pub fn fields(recipe: &wire::Recipe) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let json = serde_json::to_value(recipe).unwrap_or_default();
    flatten("", &json, &mut fields);
    fields
}

fn flatten(path: &str, value: &serde_json::Value, fields: &mut Vec<(String, String)>) {
    use serde_json::Value;
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{}", snake(name)), value, fields);
            }
        }
        Value::String(text) => fields.push((path.to_owned(), text.clone())),
        other => fields.push((path.to_owned(), other.to_string())),
    }
}

/// The name of a field as the contract writes it.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Fills what `recipe` leaves unset by the preset that it names.
pub(super) fn fill(recipe: &mut wire::Recipe, problems: &mut Vec<Error>) {
    let name = std::mem::take(&mut recipe.named_preset);
    if name.is_empty() {
        return;
    }
    let Some(preset) = presets().iter().find(|preset| preset.name == name) else {
        let known: Vec<&str> = presets()
            .iter()
            .map(|preset| preset.name.as_str())
            .collect();
        let error = Error::user(
            "UNKNOWN_VALUE",
            format!("this version has no preset {name:?}"),
        );
        let error = error.at("recipe.named_preset");
        return problems.push(error.hint(format!("use one of: {}", known.join(", "))));
    };
    if asks_for_other_codec(recipe, preset) {
        let message = format!("the preset {name} is for another codec than the recipe asks for");
        return problems.push(
            Error::user("IMPOSSIBLE_COMBINATION", message)
                .at("recipe.named_preset")
                .hint("leave the codec's format out, or name a preset of that codec"),
        );
    }
    fill_by(recipe, &preset.recipe);
}

fn asks_for_other_codec(recipe: &wire::Recipe, preset: &NamedPreset) -> bool {
    let format = |recipe: &wire::Recipe| recipe.codec.as_option().map(|codec| codec.format);
    let unspecified = wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED;
    let asked = format(recipe).filter(|format| *format != unspecified);
    asked.is_some() && asked != format(&preset.recipe)
}

/// The codec goes without saying only where a preset says it.
pub(crate) fn require_format(recipe: &wire::Recipe) -> Result<(), Error> {
    let format = recipe.codec.as_option().map(|codec| codec.format);
    let unspecified = wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED;
    let said = format.is_some_and(|format| format != unspecified);
    if said || !recipe.named_preset.is_empty() {
        return Ok(());
    }
    let known = codings().iter().map(|coding| coding.format.proto_name());
    let known = known.collect::<Vec<_>>().join(", ");
    Err(Error::user("MISSING", "the codec is missing")
        .at("recipe.codec.format")
        .hint(format!("use one of: {known}, or name a preset")))
}

pub(super) fn fill_by(recipe: &mut wire::Recipe, preset: &wire::Recipe) {
    if let Some(from) = preset.codec.as_option() {
        fill_codec(recipe.codec.get_or_insert_default(), from);
    }
    if !recipe.resolution.is_set() {
        recipe.resolution = preset.resolution.clone();
    }
    let mode = |recipe: &wire::Recipe| {
        let control = recipe.rate_control.as_option();
        control.is_some_and(|control| control.mode.is_some())
    };
    let from = preset.rate_control.as_option();
    if let Some(from) = from.filter(|_| !mode(recipe)) {
        let control = recipe.rate_control.get_or_insert_default();
        control.mode = from.mode.clone();
        let fill = |told: &mut u64, from: u64| *told = if *told == 0 { from } else { *told };
        fill(&mut control.max_bitrate, from.max_bitrate);
        fill(&mut control.buffer, from.buffer);
    }
    if !recipe.chunking_directives.is_set() {
        recipe.chunking_directives = preset.chunking_directives.clone();
    }
    if !recipe.crop.is_set() {
        recipe.crop = preset.crop.clone();
    }
    if !recipe.padding.is_set() {
        recipe.padding = preset.padding.clone();
    }
    if recipe.deinterlacing == v1::Deinterlacing::DEINTERLACING_UNSPECIFIED {
        recipe.deinterlacing = preset.deinterlacing;
    }
    if !recipe.frame_rate.is_set() {
        recipe.frame_rate = preset.frame_rate.clone();
    }
    if !recipe.static_hdr.is_set() {
        recipe.static_hdr = preset.static_hdr.clone();
    }
    if recipe.container == wire::Container::CONTAINER_UNSPECIFIED {
        recipe.container = preset.container;
    }
    if recipe.other_tracks == wire::OtherTracks::OTHER_TRACKS_UNSPECIFIED {
        recipe.other_tracks = preset.other_tracks;
    }
    if recipe.damage == wire::Damage::DAMAGE_UNSPECIFIED {
        recipe.damage = preset.damage;
    }
}

fn fill_codec(codec: &mut wire::Codec, preset: &wire::Codec) {
    let text = |text: &mut String, preset: &String| {
        if text.is_empty() {
            text.clone_from(preset);
        }
    };
    text(&mut codec.preset, &preset.preset);
    text(&mut codec.profile, &preset.profile);
    text(&mut codec.level, &preset.level);
    text(&mut codec.tune, &preset.tune);
    codec.format = preset.format;
    if codec.bit_depth == 0 {
        codec.bit_depth = preset.bit_depth;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::recipe::{RateControl, Recipe};

    fn filled(json: &str) -> Result<Recipe, Vec<Error>> {
        let wire: wire::Recipe = serde_json::from_str(json).unwrap();
        Recipe::try_from(wire).map_err(|problems| problems.0)
    }

    #[test]
    fn every_preset_is_a_valid_recipe_with_a_name_of_its_own() {
        let names: BTreeSet<_> = presets().iter().map(|preset| &preset.name).collect();
        assert!(names.len() == presets().len() && names.len() >= 8);
        for preset in presets() {
            let recipe = Recipe::try_from(preset.recipe.clone());
            assert!(recipe.is_ok(), "{}: {recipe:?}", preset.name);
            assert!(preset.recipe.codec.is_set() && preset.recipe.rate_control.is_set());
            let named = filled(&format!(r#"{{"namedPreset": "{}"}}"#, preset.name));
            assert_eq!(named.unwrap(), recipe.unwrap());
        }
    }

    #[test]
    fn fields_are_told_by_the_names_of_the_contract() {
        let proxy = presets()
            .iter()
            .find(|p| p.name == "proxy-540p-avc")
            .unwrap();
        let fields = proxy.fields();
        let has = |name: &str, value: &str| fields.contains(&(name.into(), value.into()));
        assert!(
            has("codec.bit_depth", "8") && has("codec.tune", "fastdecode"),
            "{fields:?}"
        );
        assert!(has("resolution.height", "540") && has("resolution.shrink_only", "true"));
    }

    #[test]
    fn what_the_request_says_stays() {
        let recipe = filled(
            r#"{"namedPreset": "web-1080p-av1", "codec": {"preset": "12", "bitDepth": 10},
                "rateControl": {"crf": 40}}"#,
        );
        let recipe = recipe.unwrap();
        let codec = recipe.codec;
        let told = (codec.name(), codec.preset, codec.bit_depth.map(u8::from));
        assert_eq!(told, ("av1", "12", Some(10)));
        assert!(matches!(recipe.rate_control, RateControl::Crf(crf) if crf.value() == 40.0));
        assert!(recipe.size.is_some());
    }

    #[test]
    fn an_unknown_preset_and_one_of_another_codec_are_refused() {
        let field = |json: &str| {
            let problems = filled(json).unwrap_err();
            assert!(problems.iter().all(|problem| problem.hint.is_some()));
            problems[0].field.clone().unwrap()
        };
        assert_eq!(field(r#"{"namedPreset": "best"}"#), "recipe.named_preset");
        let other = r#"{"namedPreset": "archive-avc", "codec": {"format": "CODEC_FORMAT_AV1"}}"#;
        assert_eq!(field(other), "recipe.named_preset");
    }
}
