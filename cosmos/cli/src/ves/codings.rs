//! What arguments say of the coding formats, by what each encoder takes.

use clap::builder::PossibleValuesParser;
use ves_api::recipe::{Coding, codings};

/// Names of coding formats.
pub(super) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(codings().iter().map(|coding| coding.name))
}

/// Of the argument that takes the output.
pub(super) fn output_help() -> String {
    let alone: Vec<&str> = codings()
        .iter()
        .filter_map(|coding| coding.extensions.first().copied())
        .collect();
    format!(
        "File to write; it appears when it is complete and validated, never before. Its extension \
         tells the container: mp4, mkv, webm, ivf, or {} for the coded video alone. Or a folder, \
         or a name with {{stem}} (the input's name without extension), {{dir}} (its folder, below \
         the one that was named), {{codec}} and {{ext}}; folders below the first of them are made",
        alone.join(", ")
    )
}

/// Of the argument that takes a rate factor.
pub(super) fn crf_help() -> String {
    let one = |coding: &Coding| {
        let usual = coding.usual_crf();
        format!("{}, usually {usual}", coding.rate_factors.range())
    };
    each("Quality: constant rate factor", one)
}

/// Of the argument that takes a degree of effort.
pub(super) fn preset_help() -> String {
    let one = |coding: &Coding| {
        let (first, last) = (coding.presets.first(), coding.presets.last());
        let ends = first.zip(last);
        let range = ends.map(|(first, last)| format!("{first} (fast) … {last} (small)"));
        format!(
            "{}, usually {}",
            range.unwrap_or_default(),
            coding.usual_preset
        )
    };
    each("Encoder speed against size", one)
}

/// Of the argument that takes a tuning.
pub(super) fn tune_help() -> String {
    each("Encoder tuning", |coding| coding.tunes.join(", "))
}

/// Of the argument that takes a profile.
pub(super) fn profile_help() -> String {
    let names = |coding: &Coding| {
        let names: Vec<_> = coding.profiles.iter().map(|profile| profile.name).collect();
        names.join(", ")
    };
    each("Limit the profile", names)
}

fn each(what: &str, one: impl Fn(&Coding) -> String) -> String {
    let lines = codings()
        .iter()
        .map(|coding| (coding.name, one(coding)))
        .filter(|(_, told)| !told.is_empty())
        .map(|(name, told)| format!("\n{name}: {told}"));
    lines.fold(what.to_owned(), |help, line| help + &line)
}
