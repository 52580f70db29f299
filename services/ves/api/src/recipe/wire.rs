//! Recipes on the wire: checked on the way in, all problems at once.

use errors::Error;

use crate::recipe::{
    Alignment, Av1, Av1Level, Av1Tune, Avc, BitDepth, Chunking, Codec, Container, Crf, Damage,
    Kernel, Level, MAX_SIDE, OtherTracks, Preset, Problems, Profile, RateControl, Recipe, Size,
    Target, Tune, presets,
};
use crate::wire;

impl TryFrom<wire::Recipe> for Recipe {
    type Error = Problems;

    /// Fields are named from the request down: "recipe.codec.preset".
    fn try_from(mut recipe: wire::Recipe) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        presets::fill(&mut recipe, &mut problems);
        let codec = codec(recipe.codec.into_option(), &mut problems);
        let rate_control = rate_control(codec, recipe.rate_control.into_option(), &mut problems);
        refuse_lossy_profile(codec, rate_control, &mut problems);
        let size = size(recipe.resolution.into_option(), &mut problems);
        let chunking = chunking(recipe.chunking_directives.into_option(), &mut problems);
        let container = container(recipe.container, codec, &mut problems);
        let recipe = Self {
            codec,
            size,
            chunking,
            rate_control,
            container,
            other_tracks: other_tracks(recipe.other_tracks, container, &mut problems),
            damage: damage(recipe.damage, &mut problems),
        };
        match problems.is_empty() {
            true => Ok(recipe),
            false => Err(Problems(problems)),
        }
    }
}

/// Text is told as it was written, a number of an enumeration as that.
fn unknown(field: &str, told: impl std::fmt::Debug, known: &[&str]) -> Error {
    let message = format!("this version does not know the value {told:?}");
    Error::user("UNKNOWN_VALUE", message)
        .at(field)
        .hint(format!("use one of: {}", known.join(", ")))
}

fn impossible(field: &str, why: &str, hint: &str) -> Error {
    Error::user("IMPOSSIBLE_COMBINATION", why)
        .at(field)
        .hint(hint)
}

fn codec(codec: Option<wire::Codec>, problems: &mut Vec<Error>) -> Codec {
    let Some(codec) = codec else {
        return Codec::default();
    };
    match codec.format.as_known() {
        Some(wire::CodecFormat::Unspecified | wire::CodecFormat::Avc) => {}
        Some(wire::CodecFormat::Av1) => return Codec::Av1(av1(&codec, problems)),
        None => {
            let known = ["CODEC_FORMAT_AVC", "CODEC_FORMAT_AV1"];
            problems.push(unknown(
                "recipe.codec.format",
                codec.format.to_i32(),
                &known,
            ));
        }
    }
    Codec::Avc(avc(&codec, problems))
}

/// Tells of a setting that is not one of those known.
fn named(field: &str, text: &str, known: &[&str], problems: &mut Vec<Error>) {
    if !text.is_empty() && !known.contains(&text) {
        problems.push(unknown(&format!("recipe.codec.{field}"), text, known));
    }
}

fn avc(codec: &wire::Codec, problems: &mut Vec<Error>) -> Avc {
    let all = [
        ("preset", &codec.preset, names(Preset::ALL, Preset::name)),
        (
            "profile",
            &codec.profile,
            names(Profile::ALL, Profile::name),
        ),
        ("level", &codec.level, names(Level::ALL, Level::name)),
        ("tune", &codec.tune, names(Tune::ALL, Tune::name)),
    ];
    for (field, text, known) in all {
        named(field, text, &known, problems);
    }
    Avc {
        preset: Preset::named(&codec.preset).unwrap_or(Preset::Medium),
        bit_depth: bit_depth(codec.bit_depth, problems),
        profile: Profile::named(&codec.profile),
        level: Level::named(&codec.level),
        tune: Tune::named(&codec.tune),
    }
}

fn av1(codec: &wire::Codec, problems: &mut Vec<Error>) -> Av1 {
    named("profile", &codec.profile, &["main"], problems);
    named(
        "level",
        &codec.level,
        &names(Av1Level::ALL, Av1Level::name),
        problems,
    );
    named(
        "tune",
        &codec.tune,
        &names(Av1Tune::ALL, Av1Tune::name),
        problems,
    );
    Av1 {
        preset: av1_preset(&codec.preset, problems),
        bit_depth: bit_depth(codec.bit_depth, problems),
        level: Av1Level::named(&codec.level),
        tune: Av1Tune::named(&codec.tune),
    }
}

fn av1_preset(text: &str, problems: &mut Vec<Error>) -> u8 {
    let usual = Av1::default().preset;
    if text.is_empty() {
        return usual;
    }
    // As the wire writes it: without sign or leading zeros.
    let preset = Av1::PRESETS
        .into_iter()
        .find(|preset| preset.to_string() == text);
    preset.unwrap_or_else(|| {
        let message = format!("AV1 has no preset {text:?}");
        let error = Error::user("UNKNOWN_VALUE", message).at("recipe.codec.preset");
        problems.push(error.hint("use 0 (slowest, smallest) to 13 (fastest); 8 is usual"));
        usual
    })
}

fn bit_depth(bits: u32, problems: &mut Vec<Error>) -> Option<BitDepth> {
    match bits {
        0 => None,
        8 => Some(BitDepth::Eight),
        10 => Some(BitDepth::Ten),
        other => {
            let message = format!("no encoder here takes {other} bits per sample");
            let error = Error::user("OUT_OF_RANGE", message).at("recipe.codec.bit_depth");
            problems.push(error.hint("use 8 or 10, or 0 for the source's"));
            None
        }
    }
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| name(*value)).collect()
}

fn size(size: Option<wire::Resolution>, problems: &mut Vec<Error>) -> Option<Size> {
    let wire::Resolution {
        width,
        height,
        kernel,
        shrink_only,
        ..
    } = size?;
    if (width, height) == (0, 0) {
        let error = Error::user("MISSING", "neither a width nor a height is given");
        let hint = "give one of them, or leave the resolution out to keep the source's";
        problems.push(error.at("recipe.resolution").hint(hint));
    }
    for (side, length) in [("width", width), ("height", height)] {
        if length != 0 && !Size::is_side(length) {
            let message = format!("a {side} of {length} is impossible");
            let hint = format!("use an even number from 2 to {MAX_SIDE}, or 0 to keep the shape");
            let error = Error::user("OUT_OF_RANGE", message);
            problems.push(error.at(format!("recipe.resolution.{side}")).hint(hint));
        }
    }
    let side = |length: u32| (length != 0).then_some(length);
    let kernel = self::kernel(kernel, problems);
    Some(Size {
        kernel,
        shrink_only,
        ..Size::new(side(width), side(height))?
    })
}

fn kernel(kernel: buffa::EnumValue<wire::ScalingKernel>, problems: &mut Vec<Error>) -> Kernel {
    match kernel.as_known() {
        Some(wire::ScalingKernel::Unspecified | wire::ScalingKernel::Bicubic) => Kernel::Bicubic,
        Some(wire::ScalingKernel::Lanczos) => Kernel::Lanczos,
        None => {
            let known = ["SCALING_KERNEL_BICUBIC", "SCALING_KERNEL_LANCZOS"];
            problems.push(unknown("recipe.resolution.kernel", kernel.to_i32(), &known));
            Kernel::Bicubic
        }
    }
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
                let told = directives.alignment.to_i32();
                let field = "recipe.chunking_directives.alignment";
                problems.push(unknown(field, told, &known));
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

fn rate_control(
    codec: Codec,
    control: Option<wire::RateControl>,
    problems: &mut Vec<Error>,
) -> RateControl {
    use wire::rate_control::Mode;
    match (control.and_then(|control| control.mode), codec) {
        (None | Some(Mode::Lossless(false)), _) => codec.usual_rate_control(),
        // x264 itself means lossless by 0.
        (Some(Mode::Lossless(true)) | Some(Mode::Crf(0.0)), Codec::Avc(_)) => RateControl::Lossless,
        (Some(Mode::Lossless(true)), Codec::Av1(_)) => {
            problems.push(impossible(
                "recipe.rate_control.lossless",
                "SVT-AV1 does not code without loss",
                "use CODEC_FORMAT_AVC for that, or a constant rate factor",
            ));
            codec.usual_rate_control()
        }
        (Some(Mode::Crf(value)), Codec::Avc(_)) => crf(value, value <= 51.0005, codec, problems),
        (Some(Mode::Crf(value)), Codec::Av1(_)) => {
            crf(value, value >= 1.0 && value.fract() == 0.0, codec, problems)
        }
    }
}

fn crf(value: f64, possible: bool, codec: Codec, problems: &mut Vec<Error>) -> RateControl {
    if let Some(crf) = Crf::new(value).filter(|_| possible) {
        return RateControl::Crf(crf);
    }
    let message = format!("a constant rate factor of {value} is impossible");
    let hint = match codec {
        Codec::Avc(_) => "use 0 (lossless) to 51 (worst); 23 is usual",
        Codec::Av1(_) => "use a whole number from 1 (best) to 63 (worst); 35 is usual",
    };
    let error = Error::user("OUT_OF_RANGE", message).at("recipe.rate_control.crf");
    problems.push(error.hint(hint));
    codec.usual_rate_control()
}

fn refuse_lossy_profile(codec: Codec, rate_control: RateControl, problems: &mut Vec<Error>) {
    let Codec::Avc(avc) = codec else {
        return;
    };
    let lossy = avc.profile.is_some_and(|p| p != Profile::High444);
    if rate_control == RateControl::Lossless && lossy {
        problems.push(impossible(
            "recipe.codec.profile",
            "only the profile high444 is lossless",
            "leave the profile out, or use a constant rate factor",
        ));
    }
}

fn container(
    container: buffa::EnumValue<wire::Container>,
    codec: Codec,
    problems: &mut Vec<Error>,
) -> Container {
    match container.as_known() {
        Some(wire::Container::Unspecified | wire::Container::Mp4) => Container::Mp4,
        Some(wire::Container::Elementary) => Container::Elementary,
        Some(wire::Container::Mkv) => Container::Mkv,
        Some(wire::Container::Webm) => {
            if let Codec::Avc(_) = codec {
                problems.push(impossible(
                    "recipe.container",
                    "WebM does not hold H.264",
                    "use CONTAINER_MKV or CONTAINER_MP4, or CODEC_FORMAT_AV1",
                ));
            }
            Container::WebM
        }
        None => {
            let known = [
                "CONTAINER_MP4",
                "CONTAINER_ELEMENTARY",
                "CONTAINER_MKV",
                "CONTAINER_WEBM",
            ];
            problems.push(unknown("recipe.container", container.to_i32(), &known));
            Container::Mp4
        }
    }
}

fn other_tracks(
    tracks: buffa::EnumValue<wire::OtherTracks>,
    container: Container,
    problems: &mut Vec<Error>,
) -> OtherTracks {
    let alone = container == Container::Elementary;
    match tracks.as_known() {
        Some(wire::OtherTracks::None) => OtherTracks::None,
        Some(wire::OtherTracks::Unspecified) if alone => OtherTracks::None,
        Some(wire::OtherTracks::Copy) if alone => {
            problems.push(impossible(
                "recipe.other_tracks",
                "an elementary stream holds no other tracks",
                "use OTHER_TRACKS_NONE, or another container",
            ));
            OtherTracks::None
        }
        Some(wire::OtherTracks::Unspecified | wire::OtherTracks::Copy) => OtherTracks::Copy,
        None => {
            let known = ["OTHER_TRACKS_COPY", "OTHER_TRACKS_NONE"];
            problems.push(unknown("recipe.other_tracks", tracks.to_i32(), &known));
            OtherTracks::Copy
        }
    }
}

fn damage(damage: buffa::EnumValue<wire::Damage>, problems: &mut Vec<Error>) -> Damage {
    match damage.as_known() {
        Some(wire::Damage::Unspecified | wire::Damage::Fail) => Damage::Fail,
        Some(wire::Damage::Conceal) => Damage::Conceal,
        None => {
            let known = ["DAMAGE_FAIL", "DAMAGE_CONCEAL"];
            problems.push(unknown("recipe.damage", damage.to_i32(), &known));
            Damage::Fail
        }
    }
}

impl From<Recipe> for wire::Recipe {
    fn from(recipe: Recipe) -> Self {
        Self {
            codec: Some(wire::Codec::from(recipe.codec)).into(),
            resolution: recipe.size.map(wire::Resolution::from).into(),
            chunking_directives: Some(wire::ChunkingDirectives::from(recipe.chunking)).into(),
            rate_control: Some(wire::RateControl::from(recipe.rate_control)).into(),
            container: match recipe.container {
                Container::Mp4 => wire::Container::Mp4.into(),
                Container::Elementary => wire::Container::Elementary.into(),
                Container::Mkv => wire::Container::Mkv.into(),
                Container::WebM => wire::Container::Webm.into(),
            },
            other_tracks: match recipe.other_tracks {
                OtherTracks::Copy => wire::OtherTracks::Copy.into(),
                OtherTracks::None => wire::OtherTracks::None.into(),
            },
            damage: match recipe.damage {
                Damage::Fail => wire::Damage::Fail.into(),
                Damage::Conceal => wire::Damage::Conceal.into(),
            },
            ..Default::default()
        }
    }
}

impl From<Size> for wire::Resolution {
    fn from(size: Size) -> Self {
        let Size {
            width,
            height,
            kernel,
            shrink_only,
        } = size;
        Self {
            width: width.unwrap_or(0),
            height: height.unwrap_or(0),
            kernel: match kernel {
                Kernel::Bicubic => wire::ScalingKernel::Bicubic.into(),
                Kernel::Lanczos => wire::ScalingKernel::Lanczos.into(),
            },
            shrink_only,
            ..Default::default()
        }
    }
}

impl From<Codec> for wire::Codec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Avc(avc) => avc.into(),
            Codec::Av1(av1) => av1.into(),
        }
    }
}

/// The name of a setting; empty when it was not set.
fn text<T>(setting: Option<T>, name: fn(T) -> &'static str) -> String {
    setting.map_or_else(String::new, |setting| name(setting).to_owned())
}

fn bits(depth: Option<BitDepth>) -> u32 {
    depth.map_or(0, |depth| u8::from(depth).into())
}

impl From<Avc> for wire::Codec {
    fn from(avc: Avc) -> Self {
        let Avc {
            preset,
            bit_depth,
            profile,
            level,
            tune,
        } = avc;
        Self {
            format: wire::CodecFormat::Avc.into(),
            preset: preset.name().to_owned(),
            profile: text(profile, Profile::name),
            level: text(level, Level::name),
            tune: text(tune, Tune::name),
            bit_depth: bits(bit_depth),
            ..Default::default()
        }
    }
}

impl From<Av1> for wire::Codec {
    fn from(av1: Av1) -> Self {
        let Av1 {
            preset,
            bit_depth,
            level,
            tune,
        } = av1;
        Self {
            format: wire::CodecFormat::Av1.into(),
            preset: preset.to_string(),
            level: text(level, Av1Level::name),
            tune: text(tune, Av1Tune::name),
            bit_depth: bits(bit_depth),
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
                "resolution": {"width": 640, "height": 360, "kernel": "SCALING_KERNEL_LANCZOS"},
                "container": "CONTAINER_MKV",
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
    fn a_recipe_for_av1_survives_the_wire() {
        let recipe = recipe(
            r#"{"codec": {"format": "CODEC_FORMAT_AV1", "preset": "13", "profile": "main",
                          "level": "4.0", "tune": "vq", "bitDepth": 10},
                "resolution": {"height": 720, "shrinkOnly": true},
                "rateControl": {"crf": 63}, "container": "CONTAINER_WEBM"}"#,
        )
        .unwrap();
        assert_eq!(
            Recipe::try_from(wire::Recipe::from(recipe.clone())),
            Ok(recipe)
        );
    }

    #[test]
    fn settings_of_one_codec_are_none_of_the_other() {
        let told = |json: &str| {
            let problems = recipe(json).unwrap_err().0;
            assert!(
                problems.iter().all(|problem| problem.hint.is_some()),
                "{json}"
            );
            let of = |p: Error| format!("{} {}", p.field.unwrap_or_default(), p.code);
            problems.into_iter().map(of).collect::<Vec<_>>()
        };
        let av1 = |more: &str| told(&format!(r#"{{"codec": {{"format": 2{more}}}}}"#));
        let unknown = |field: &str| vec![format!("recipe.codec.{field} UNKNOWN_VALUE")];
        assert_eq!(av1(r#", "preset": "medium""#), unknown("preset"));
        assert_eq!(av1(r#", "preset": "14""#), unknown("preset"));
        assert_eq!(av1(r#", "preset": "+1""#), unknown("preset"));
        assert_eq!(av1(r#", "profile": "high""#), unknown("profile"));
        assert_eq!(av1(r#", "level": "4""#), unknown("level"));
        assert_eq!(av1(r#", "tune": "film""#), unknown("tune"));
        assert_eq!(
            av1(r#", "bitDepth": 12"#),
            ["recipe.codec.bit_depth OUT_OF_RANGE"]
        );
        assert_eq!(told(r#"{"codec": {"preset": "8"}}"#), unknown("preset"));
        for crf in ["0", "0.5", "35.5", "64", "-1"] {
            let json = format!(r#"{{"codec": {{"format": 2}}, "rateControl": {{"crf": {crf}}}}}"#);
            assert_eq!(
                told(&json),
                ["recipe.rate_control.crf OUT_OF_RANGE"],
                "{crf}"
            );
        }
        let lossless = r#"{"codec": {"format": 2}, "rateControl": {"lossless": true}}"#;
        assert_eq!(
            told(lossless),
            ["recipe.rate_control.lossless IMPOSSIBLE_COMBINATION"]
        );
    }

    #[test]
    fn what_a_container_cannot_hold_is_refused() {
        let fields = |json: &str| match recipe(json) {
            Ok(_) => vec![],
            Err(Problems(problems)) => problems.into_iter().filter_map(|p| p.field).collect(),
        };
        let webm = r#"{"container": "CONTAINER_WEBM"}"#;
        assert_eq!(fields(webm), ["recipe.container"]);
        let copied = r#"{"container": "CONTAINER_ELEMENTARY", "otherTracks": "OTHER_TRACKS_COPY"}"#;
        assert_eq!(fields(copied), ["recipe.other_tracks"]);
        let alone = recipe(r#"{"container": "CONTAINER_ELEMENTARY"}"#).unwrap();
        assert_eq!(alone.other_tracks, OtherTracks::None);
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
                "resolution": {"width": 7, "height": 20000, "kernel": 9},
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
                "recipe.resolution.kernel",
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
