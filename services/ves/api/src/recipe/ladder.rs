//! Several recipes of one ladder: what they share, and where they may differ.

use std::collections::BTreeSet;

use buffa::EnumValue;
use errors::Error;

use crate::recipe::{Problems, Recipe, presets};
use crate::wire;

/// The most rungs of a ladder.
pub const MAX_RUNGS: usize = 12;
/// The longest name of a rung, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Length of a chunk where nobody says: what a player loads at a time.
const CHUNK_MS: u64 = 6_000;

/// How one encode of a ladder is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rung {
    pub name: String,
    pub recipe: Recipe,
}

/// The rungs of a ladder, what they leave unset filled by `common`; every problem at once, each below
/// `ladder.rungs`.
pub fn rungs(common: &wire::Recipe, ladder: &wire::Ladder) -> Result<Vec<Rung>, Problems> {
    let mut problems = number(ladder.rungs.len()).err().into_iter().collect();
    let common = shared(common, &mut problems);
    let mut names = BTreeSet::new();
    let mut rungs = Vec::new();
    for (index, rung) in ladder.rungs.iter().enumerate().take(MAX_RUNGS) {
        let new = names.insert(&rung.name);
        let wrong = name(&rung.name, new).err();
        problems.extend(wrong.map(|error| error.at(format!("ladder.rungs[{index}].name"))));
        match recipe(&common, rung) {
            Ok(recipe) => rungs.push(Rung {
                name: rung.name.clone(),
                recipe,
            }),
            Err(Problems(wrong)) => {
                problems.extend(wrong.into_iter().map(|error| of_rung(index, error)));
            }
        }
    }
    problems.extend(other_frames(&rungs));
    match problems.is_empty() {
        true => Ok(rungs),
        false => Err(Problems(problems)),
    }
}

/// Rungs that do not show the frames that the first one shows.
fn other_frames(rungs: &[Rung]) -> Vec<Error> {
    let Some(Rung { recipe: first, .. }) = rungs.first() else {
        return vec![];
    };
    let others = rungs
        .iter()
        .enumerate()
        .flat_map(|(index, Rung { recipe, .. })| {
            let fields = [
                ("deinterlacing", recipe.deinterlacing == first.deinterlacing),
                ("frame_rate", recipe.frame_rate == first.frame_rate),
            ];
            let other = fields.into_iter().filter(|(_, same)| !same);
            other.map(move |(field, _)| (index, field))
        });
    let told = others.map(|(index, field)| {
        let why = "all rungs show the same frames";
        let error = Error::user("IMPOSSIBLE_COMBINATION", why).at(format!("recipe.{field}"));
        let hint = format!("leave it out, and say it of the ladder, in recipe.{field}");
        of_rung(index, error.hint(hint))
    });
    told.collect()
}

/// A problem of a rung, where it stands in the request. That of several is that of each.
pub fn of_rung(index: usize, error: Error) -> Error {
    let field = match error.field.as_deref() {
        Some(field) if field.starts_with("video_source") => field.to_owned(),
        Some(field) => format!("ladder.rungs[{index}].{field}"),
        None => format!("ladder.rungs[{index}]"),
    };
    let causes = error.causes.into_iter();
    Error {
        field: Some(field),
        causes: causes.map(|cause| of_rung(index, cause)).collect(),
        ..error
    }
}

fn number(rungs: usize) -> Result<(), Error> {
    if (1..=MAX_RUNGS).contains(&rungs) {
        return Ok(());
    }
    Err(
        Error::user("OUT_OF_RANGE", format!("a ladder of {rungs} rungs"))
            .at("ladder.rungs")
            .hint(format!("name 1 to {MAX_RUNGS} rungs")),
    )
}

fn name(name: &str, new: bool) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let possible = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain);
    match (possible, new) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::user(
            "NOT_UNIQUE",
            format!("another rung is called {name}, too"),
        )
        .hint("give each rung a name of its own")),
        (false, _) => Err(
            Error::user("OUT_OF_RANGE", format!("{name:?} is no name of a rung"))
                .hint("use letters, digits, '.', '_' and '-', 64 at most: \"1080p\""),
        ),
    }
}

/// What is said of all rungs, by its preset where there is one; and how all are cut.
fn shared(common: &wire::Recipe, problems: &mut Vec<Error>) -> wire::Recipe {
    let mut common = common.clone();
    presets::fill(&mut common, problems);
    let directives = common.chunking_directives.get_or_insert_default();
    if directives.target.is_none() {
        directives.target = Some(wire::chunking_directives::Target::DurationMs(CHUNK_MS));
    }
    if directives.alignment == wire::ChunkAlignment::CHUNK_ALIGNMENT_UNSPECIFIED {
        directives.alignment = wire::ChunkAlignment::CHUNK_ALIGNMENT_FIXED.into();
    }
    directives.aligned_access = true;
    common
}

fn recipe(common: &wire::Recipe, rung: &wire::Rung) -> Result<Recipe, Problems> {
    let mut problems = Vec::new();
    let mut recipe = rung.recipe.as_option().cloned().unwrap_or_default();
    if recipe.chunking_directives.is_set() {
        problems.push(
            Error::user("IMPOSSIBLE_COMBINATION", "all rungs are cut alike")
                .at("recipe.chunking_directives")
                .hint("leave it out, and say it of the ladder, in recipe.chunking_directives"),
        );
    }
    presets::fill(&mut recipe, &mut problems);
    fill(&mut recipe, common);
    recipe.chunking_directives = common.chunking_directives.clone();
    if problems.is_empty() {
        problems.extend(presets::require_format(&recipe).err());
    }
    match Recipe::try_from(recipe) {
        Ok(recipe) if problems.is_empty() => Ok(recipe),
        Ok(_) => Err(Problems(problems)),
        Err(Problems(wrong)) => {
            problems.extend(wrong);
            Err(Problems(problems))
        }
    }
}

/// What is said of one codec means nothing to another, but for a quality, which is of the picture.
fn fill(recipe: &mut wire::Recipe, common: &wire::Recipe) {
    let mut common = common.clone();
    let (asked, usual) = (format(recipe), format(&common));
    let unspecified = wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED;
    if asked != unspecified && usual != unspecified && asked != usual {
        common.codec = None.into();
        common.rate_control = quality(&common).into();
    }
    presets::fill_by(recipe, &common);
    fill_cap(recipe, &common);
    if asked != unspecified {
        recipe.codec.get_or_insert_default().format = asked;
    }
}

/// The quality that a recipe asks for, and nothing else of its rate control.
fn quality(recipe: &wire::Recipe) -> Option<wire::RateControl> {
    use wire::rate_control::Mode;
    let mode = &recipe.rate_control.as_option()?.mode;
    matches!(mode, Some(Mode::QualityTarget(_))).then(|| wire::RateControl {
        mode: mode.clone(),
        ..Default::default()
    })
}

/// What all are kept to holds also for a rung that has a rate of its own.
fn fill_cap(recipe: &mut wire::Recipe, common: &wire::Recipe) {
    let all = common.rate_control.as_option();
    let Some(all) = all.filter(|all| all.max_bitrate > 0) else {
        return;
    };
    let own = recipe.rate_control.get_or_insert_default();
    if own.max_bitrate == 0 && own.buffer == 0 {
        own.max_bitrate = all.max_bitrate;
        own.buffer = all.buffer;
    }
}

fn format(recipe: &wire::Recipe) -> EnumValue<wire::CodecFormat> {
    let codec = recipe.codec.as_option();
    codec.map_or_else(EnumValue::default, |codec| codec.format)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::recipe::{Alignment, Chunking, RateControl, Target};

    fn of(common: Value, rungs: Value) -> Result<Vec<Rung>, Vec<(String, String)>> {
        let common = serde_json::from_value(common).unwrap();
        let ladder = serde_json::from_value(json!({"rungs": rungs})).unwrap();
        super::rungs(&common, &ladder).map_err(|Problems(problems)| {
            assert!(problems.iter().all(|problem| problem.hint.is_some()));
            let told = problems.into_iter();
            told.map(|p| (p.field.unwrap_or_default(), p.code))
                .collect()
        })
    }

    #[test]
    fn all_rungs_are_cut_alike_and_begin_at_the_same_frames() {
        let rungs = json!([
            {"name": "a", "recipe": {"codec": {"format": "CODEC_FORMAT_AV1"}}},
            {"name": "b", "recipe": {"namedPreset": "web-720p-avc"}},
        ]);
        let usual = Chunking {
            target: Target::Milliseconds(6_000),
            alignment: Alignment::Fixed,
            aligned_access: true,
        };
        let all = of(json!({}), rungs.clone()).unwrap();
        assert!(all.iter().all(|rung| rung.recipe.chunking == usual));
        let asked = json!({"frames": 48, "alignment": "CHUNK_ALIGNMENT_SOURCE"});
        let all = of(json!({"chunkingDirectives": asked}), rungs).unwrap();
        let asked = Chunking {
            target: Target::Frames(48),
            alignment: Alignment::Source,
            aligned_access: true,
        };
        assert!(all.iter().all(|rung| rung.recipe.chunking == asked));
    }

    #[test]
    fn all_rungs_show_the_same_frames() {
        let rung = |name, how| json!({"name": name, "recipe": {"deinterlacing": how}});
        let (frame, field) = ("DEINTERLACING_FRAME", "DEINTERLACING_FIELD");
        let avc = |how| json!({"codec": {"format": "CODEC_FORMAT_AVC"}, "deinterlacing": how});
        let rungs = json!([{"name": "a"}, rung("b", frame)]);
        assert!(of(avc(frame), rungs.clone()).is_ok());
        let film = json!({"frameRate": {"numerator": "24", "denominator": "1"}});
        let rates = json!([{"name": "a"}, {"name": "b", "recipe": film}]);
        let told = of(avc(frame), rates).unwrap_err();
        assert_eq!(told[0].0, "ladder.rungs[1].recipe.frame_rate");
        let told = of(avc(field), rungs).unwrap_err();
        let expected = (
            "ladder.rungs[1].recipe.deinterlacing",
            "IMPOSSIBLE_COMBINATION",
        );
        assert_eq!(told, [(expected.0.to_owned(), expected.1.to_owned())]);
    }

    #[test]
    fn a_cap_on_all_holds_for_rungs_with_a_rate_of_their_own() {
        let common = json!({
            "codec": {"format": "CODEC_FORMAT_AVC"},
            "rateControl": {"maxBitrate": 5_000_000, "buffer": 9_000_000},
        });
        let rungs = json!([
            {"name": "crf", "recipe": {"rateControl": {"crf": 20}}},
            {"name": "own", "recipe": {"rateControl": {"crf": 20, "maxBitrate": 3_000_000}}},
            {"name": "none"},
        ]);
        let all = of(common, rungs).unwrap();
        let caps = all.iter().map(|rung| rung.recipe.buffer.unwrap());
        let caps: Vec<_> = caps.map(|cap| (cap.max_bitrate, cap.size)).collect();
        let usual = (5_000_000, 9_000_000);
        assert_eq!(caps, [usual, (3_000_000, 3_000_000), usual]);
    }

    #[test]
    fn what_a_rung_leaves_unset_is_as_all_are_unless_it_is_of_another_codec() {
        let common = json!({
            "codec": {"format": "CODEC_FORMAT_AVC", "preset": "slow", "bitDepth": 8},
            "rateControl": {"crf": 19}, "otherTracks": "OTHER_TRACKS_NONE",
        });
        let rungs = json!([
            {"name": "same", "recipe": {"codec": {"preset": "fast"}}},
            {"name": "preset", "recipe": {"namedPreset": "web-720p-avc"}},
            {"name": "other", "recipe": {"codec": {"format": "CODEC_FORMAT_AV1"}}},
        ]);
        let all = of(common, rungs).unwrap();
        let told = all.iter().map(|rung| {
            let crf = match rung.recipe.rate_control {
                RateControl::Crf(crf) => crf.value(),
                _ => 0.0,
            };
            (rung.recipe.codec.name(), rung.recipe.codec.preset, crf)
        });
        let expected = [
            ("avc", "fast", 19.0),
            ("avc", "medium", 23.0),
            ("av1", "8", 35.0),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        let none = crate::recipe::OtherTracks::None;
        assert!(all.iter().all(|rung| rung.recipe.other_tracks == none));
        // A format that all have need not be said of each, nor settings of it with it.
        let named = json!({"codec": {"preset": "veryslow"}});
        let avc = json!([{"name": "a", "recipe": {"codec": {"format": "CODEC_FORMAT_AVC"}}}]);
        assert_eq!(of(named, avc).unwrap()[0].recipe.codec.preset, "veryslow");
    }

    #[test]
    fn a_quality_of_all_is_also_that_of_rungs_of_another_codec() {
        let target = json!({"metric": "QUALITY_METRIC_VMAF", "score": 93.0});
        let common = json!({
            "codec": {"format": "CODEC_FORMAT_AVC"}, "rateControl": {"qualityTarget": target},
        });
        let av1 = json!({"format": "CODEC_FORMAT_AV1"});
        let rungs = json!([
            {"name": "same"},
            {"name": "other", "recipe": {"codec": av1}},
            {"name": "own", "recipe": {"codec": av1, "rateControl": {"crf": 30}}},
        ]);
        let all = of(common, rungs).unwrap();
        let met = all.iter().map(|rung| match rung.recipe.rate_control {
            RateControl::Quality(goal) => Some(goal.score.value()),
            _ => None,
        });
        assert_eq!(met.collect::<Vec<_>>(), [Some(93.0), Some(93.0), None]);
    }

    #[test]
    fn every_problem_of_all_rungs_is_told_at_once() {
        let avc = json!({"format": "CODEC_FORMAT_AVC"});
        let rungs = json!([
            {"name": "a b", "recipe": {"codec": avc, "rateControl": {"crf": 99}}},
            {"name": "x", "recipe": {"codec": avc, "chunkingDirectives": {"frames": 9}}},
            {"name": "x", "recipe": {"namedPreset": "no-such"}},
            {"name": "y"},
        ]);
        let told = of(json!({}), rungs).unwrap_err();
        let told: Vec<_> = told.iter().map(|(f, c)| format!("{f} {c}")).collect();
        let expected = [
            "[0].name OUT_OF_RANGE",
            "[0].recipe.rate_control.crf OUT_OF_RANGE",
            "[1].recipe.chunking_directives IMPOSSIBLE_COMBINATION",
            "[2].name NOT_UNIQUE",
            "[2].recipe.named_preset UNKNOWN_VALUE",
            "[3].recipe.codec.format MISSING",
        ];
        assert_eq!(told, expected.map(|one| format!("ladder.rungs{one}")));
        for (rungs, told) in [(0, 1), (MAX_RUNGS, 0), (MAX_RUNGS + 1, 1)] {
            let rung = |n| json!({"name": format!("r{n}"), "recipe": {"codec": avc}});
            let all: Vec<_> = (0..rungs).map(rung).collect();
            let problems = of(json!({}), all.into()).err().unwrap_or_default();
            assert_eq!(problems.len(), told, "{rungs}");
        }
    }
}
