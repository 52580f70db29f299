//! Recipes on the wire: checked on the way in, all problems at once.

use errors::Error;
use video::Resolution;

use crate::recipe::{
    Alignment, Avc, Chunking, Codec, Container, Crf, Level, MAX_SIDE, OtherTracks, Preset,
    Problems, Profile, RateControl, Recipe, Target, Tune,
};
use crate::wire;

impl TryFrom<wire::Recipe> for Recipe {
    type Error = Problems;

    /// Fields are named from the request down: "recipe.codec.preset".
    fn try_from(recipe: wire::Recipe) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let codec = codec(recipe.codec.into_option(), &mut problems);
        let rate_control = rate_control(recipe.rate_control.into_option(), &mut problems);
        refuse_lossy_profile(codec, rate_control, &mut problems);
        let recipe = Self {
            codec,
            resolution: resolution(recipe.resolution.into_option(), &mut problems),
            chunking: chunking(recipe.chunking_directives.into_option(), &mut problems),
            rate_control,
            container: container(recipe.container, &mut problems),
            other_tracks: other_tracks(recipe.other_tracks, &mut problems),
        };
        match problems.is_empty() {
            true => Ok(recipe),
            false => Err(Problems(problems)),
        }
    }
}

fn unknown(field: &str, known: &[&str]) -> Error {
    let message = "this version knows no such value";
    Error::user("UNKNOWN_VALUE", message)
        .at(field)
        .hint(format!("use one of: {}", known.join(", ")))
}

fn codec(codec: Option<wire::Codec>, problems: &mut Vec<Error>) -> Codec {
    let Some(codec) = codec else {
        return Codec::default();
    };
    match codec.format.as_known() {
        Some(wire::CodecFormat::Unspecified | wire::CodecFormat::Avc) => {}
        None => problems.push(unknown("recipe.codec.format", &["CODEC_FORMAT_AVC"])),
    }
    Codec::Avc(avc(&codec, problems))
}

fn avc(codec: &wire::Codec, problems: &mut Vec<Error>) -> Avc {
    let mut named = |field: &str, text: &str, known: Vec<&str>| {
        if !text.is_empty() && !known.contains(&text) {
            problems.push(unknown(&format!("recipe.codec.{field}"), &known));
        }
    };
    named("preset", &codec.preset, names(Preset::ALL, Preset::name));
    named(
        "profile",
        &codec.profile,
        names(Profile::ALL, Profile::name),
    );
    named("level", &codec.level, names(Level::ALL, Level::name));
    named("tune", &codec.tune, names(Tune::ALL, Tune::name));
    Avc {
        preset: Preset::named(&codec.preset).unwrap_or(Preset::Medium),
        profile: Profile::named(&codec.profile),
        level: Level::named(&codec.level),
        tune: Tune::named(&codec.tune),
    }
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| name(*value)).collect()
}

fn resolution(size: Option<wire::Resolution>, problems: &mut Vec<Error>) -> Option<Resolution> {
    let wire::Resolution { width, height, .. } = size?;
    for (side, length) in [("width", width), ("height", height)] {
        if !(2..=MAX_SIDE).contains(&length) {
            problems.push(
                Error::user(
                    "OUT_OF_RANGE",
                    format!("a {side} of {length} is impossible"),
                )
                .at(format!("recipe.resolution.{side}"))
                .hint(format!("use 2 to {MAX_SIDE}, or leave the resolution out")),
            );
        }
    }
    Resolution::new(width, height)
}

fn chunking(directives: Option<wire::ChunkingDirectives>, problems: &mut Vec<Error>) -> Chunking {
    let Some(directives) = directives else {
        return Chunking::default();
    };
    Chunking {
        target: target(directives.target, problems),
        alignment: match directives.alignment.as_known() {
            Some(wire::ChunkAlignment::Unspecified | wire::ChunkAlignment::Source) => {
                Alignment::Source
            }
            Some(wire::ChunkAlignment::Fixed) => Alignment::Fixed,
            None => {
                let known = ["CHUNK_ALIGNMENT_SOURCE", "CHUNK_ALIGNMENT_FIXED"];
                problems.push(unknown("recipe.chunking_directives.alignment", &known));
                Alignment::Source
            }
        },
    }
}

fn target(target: Option<wire::chunking_directives::Target>, problems: &mut Vec<Error>) -> Target {
    use wire::chunking_directives::Target as Wire;
    let (target, possible, field, hint) = match target {
        None => return Target::default(),
        Some(Wire::DurationMs(length)) => (
            Target::Milliseconds(length),
            Target::MILLISECONDS.contains(&length),
            "duration_ms",
            "use 100 to 3600000 milliseconds",
        ),
        Some(Wire::Frames(length)) => (
            Target::Frames(length),
            Target::FRAMES.contains(&length),
            "frames",
            "use 1 to 1000000 frames",
        ),
    };
    if !possible {
        problems.push(
            Error::user("OUT_OF_RANGE", "a chunk cannot be that long or short")
                .at(format!("recipe.chunking_directives.{field}"))
                .hint(hint),
        );
    }
    target
}

fn rate_control(control: Option<wire::RateControl>, problems: &mut Vec<Error>) -> RateControl {
    use wire::rate_control::Mode;
    match control.and_then(|control| control.mode) {
        None | Some(Mode::Lossless(false)) => RateControl::default(),
        // x264 itself means lossless by 0.
        Some(Mode::Lossless(true)) | Some(Mode::Crf(0.0)) => RateControl::Lossless,
        Some(Mode::Crf(value)) => match Crf::new(value) {
            Some(crf) => RateControl::Crf(crf),
            None => {
                let message = format!("a constant rate factor of {value} is impossible");
                problems.push(
                    Error::user("OUT_OF_RANGE", message)
                        .at("recipe.rate_control.crf")
                        .hint("use 0 (lossless) to 51 (worst); 23 is usual"),
                );
                RateControl::default()
            }
        },
    }
}

fn refuse_lossy_profile(codec: Codec, rate_control: RateControl, problems: &mut Vec<Error>) {
    let Codec::Avc(avc) = codec;
    let lossy = avc.profile.is_some_and(|p| p != Profile::High444);
    if rate_control == RateControl::Lossless && lossy {
        problems.push(
            Error::user(
                "IMPOSSIBLE_COMBINATION",
                "only the profile high444 is lossless",
            )
            .at("recipe.codec.profile")
            .hint("leave the profile out, or use a constant rate factor"),
        );
    }
}

fn container(container: buffa::EnumValue<wire::Container>, problems: &mut Vec<Error>) -> Container {
    if container.as_known().is_none() {
        problems.push(unknown("recipe.container", &["CONTAINER_MP4"]));
    }
    Container::Mp4
}

fn other_tracks(
    tracks: buffa::EnumValue<wire::OtherTracks>,
    problems: &mut Vec<Error>,
) -> OtherTracks {
    match tracks.as_known() {
        Some(wire::OtherTracks::Unspecified | wire::OtherTracks::Copy) => OtherTracks::Copy,
        Some(wire::OtherTracks::None) => OtherTracks::None,
        None => {
            let known = ["OTHER_TRACKS_COPY", "OTHER_TRACKS_NONE"];
            problems.push(unknown("recipe.other_tracks", &known));
            OtherTracks::Copy
        }
    }
}

impl From<Recipe> for wire::Recipe {
    fn from(recipe: Recipe) -> Self {
        let resolution = recipe.resolution.map(|size| wire::Resolution {
            width: size.width(),
            height: size.height(),
            ..Default::default()
        });
        Self {
            codec: Some(wire::Codec::from(recipe.codec)).into(),
            resolution: resolution.into(),
            chunking_directives: Some(wire::ChunkingDirectives::from(recipe.chunking)).into(),
            rate_control: Some(wire::RateControl::from(recipe.rate_control)).into(),
            container: match recipe.container {
                Container::Mp4 => wire::Container::Mp4.into(),
            },
            other_tracks: match recipe.other_tracks {
                OtherTracks::Copy => wire::OtherTracks::Copy.into(),
                OtherTracks::None => wire::OtherTracks::None.into(),
            },
            ..Default::default()
        }
    }
}

impl From<Codec> for wire::Codec {
    fn from(Codec::Avc(avc): Codec) -> Self {
        Self {
            format: wire::CodecFormat::Avc.into(),
            preset: avc.preset.name().to_owned(),
            profile: avc
                .profile
                .map_or_else(String::new, |p| p.name().to_owned()),
            level: avc.level.map_or_else(String::new, |l| l.name().to_owned()),
            tune: avc.tune.map_or_else(String::new, |t| t.name().to_owned()),
            ..Default::default()
        }
    }
}

impl From<Chunking> for wire::ChunkingDirectives {
    fn from(chunking: Chunking) -> Self {
        use wire::chunking_directives::Target as Wire;
        Self {
            target: Some(match chunking.target {
                Target::Milliseconds(length) => Wire::DurationMs(length),
                Target::Frames(length) => Wire::Frames(length),
            }),
            alignment: match chunking.alignment {
                Alignment::Source => wire::ChunkAlignment::Source.into(),
                Alignment::Fixed => wire::ChunkAlignment::Fixed.into(),
            },
            ..Default::default()
        }
    }
}

impl From<RateControl> for wire::RateControl {
    fn from(control: RateControl) -> Self {
        use wire::rate_control::Mode;
        Self {
            mode: Some(match control {
                RateControl::Crf(crf) => Mode::Crf(crf.value()),
                RateControl::Lossless => Mode::Lossless(true),
            }),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn recipe(json: &str) -> Result<Recipe, Problems> {
        serde_json::from_str::<wire::Recipe>(json)
            .unwrap()
            .try_into()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(recipe("{}"), Ok(Recipe::default()));
        assert_eq!(
            recipe(r#"{"codec": {}, "rateControl": {}}"#),
            Ok(Recipe::default())
        );
    }

    #[test]
    fn a_recipe_survives_the_wire() {
        let recipe = recipe(
            r#"{"codec": {"preset": "slow", "profile": "high", "level": "4.1", "tune": "film"},
                "resolution": {"width": 640, "height": 360},
                "chunkingDirectives": {"frames": 30, "alignment": "CHUNK_ALIGNMENT_FIXED"},
                "rateControl": {"crf": 18.5}, "otherTracks": "OTHER_TRACKS_NONE"}"#,
        )
        .unwrap();
        assert_eq!(
            Recipe::try_from(wire::Recipe::from(recipe.clone())),
            Ok(recipe)
        );
    }

    #[test]
    fn zero_means_lossless() {
        let recipe = recipe(r#"{"rateControl": {"crf": 0}}"#).unwrap();
        assert_eq!(recipe.rate_control, RateControl::Lossless);
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_fields() {
        let Problems(problems) = recipe(
            r#"{"codec": {"preset": "warp", "profile": "high", "level": "9", "tune": "x", "format": 77},
                "resolution": {"width": 0, "height": 20000},
                "chunkingDirectives": {"frames": 0, "alignment": 9},
                "rateControl": {"lossless": true}, "container": 9, "otherTracks": 9}"#,
        )
        .unwrap_err();
        let fields: Vec<_> = problems.iter().filter_map(|p| p.field.as_deref()).collect();
        assert_eq!(
            fields,
            [
                "recipe.codec.format",
                "recipe.codec.preset",
                "recipe.codec.level",
                "recipe.codec.tune",
                "recipe.codec.profile",
                "recipe.resolution.width",
                "recipe.resolution.height",
                "recipe.chunking_directives.frames",
                "recipe.chunking_directives.alignment",
                "recipe.container",
                "recipe.other_tracks",
            ]
        );
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
    }

    #[test]
    fn a_rate_factor_that_is_no_number_is_refused() {
        for crf in ["-1", "51.5", "\"NaN\"", "\"Infinity\""] {
            let json = format!(r#"{{"rateControl": {{"crf": {crf}}}}}"#);
            assert_eq!(recipe(&json).unwrap_err().0.len(), 1, "{crf}");
        }
    }
}
