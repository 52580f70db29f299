//! Recipes on the wire: checked on the way in, all problems at once.

use buffa::Enumeration;
use errors::Error;
use proto::video::v1;
use video::{DecoderBuffer, Deinterlacing, FrameRate, InvalidFormat, Rational, StaticHdr};

use crate::quality::{Goal, Metric};
use crate::recipe::{
    Alignment, BitDepth, Bitrate, Chunking, Codec, Coding, Container, Damage, Edges, Kernel,
    Lossless, MAX_SIDE, OtherTracks, Problems, RateControl, Recipe, Size, Target, codings, presets,
};
use crate::wire;

/// Bits of a decoder's buffer.
const MAX_BUFFER: u64 = 10_000_000_000;

impl TryFrom<wire::Recipe> for Recipe {
    type Error = Problems;

    /// Fields are named from the request down: "recipe.codec.preset".
    fn try_from(mut recipe: wire::Recipe) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        presets::fill(&mut recipe, &mut problems);
        let codec = codec(recipe.codec.into_option(), &mut problems);
        let control = recipe.rate_control.into_option().unwrap_or_default();
        let buffer = buffer(codec, &control, &mut problems);
        let rate_control = rate_control(codec, control, &mut problems);
        problems.extend(codec.coding.spec.agree(&codec, rate_control).err());
        let size = size(recipe.resolution.into_option(), &mut problems);
        let chunking = chunking(recipe.chunking_directives.into_option(), &mut problems);
        let container = container(recipe.container, codec, &mut problems);
        let recipe = Self {
            codec,
            size,
            chunking,
            rate_control,
            buffer,
            container,
            other_tracks: other_tracks(recipe.other_tracks, container, &mut problems),
            damage: damage(recipe.damage, &mut problems),
            crop: edges(recipe.crop.into_option(), "crop", &mut problems),
            padding: edges(recipe.padding.into_option(), "padding", &mut problems),
            deinterlacing: deinterlacing(recipe.deinterlacing, &mut problems),
            frame_rate: frame_rate(recipe.frame_rate.as_option(), &mut problems),
            static_hdr: static_hdr(recipe.static_hdr.into_option(), &mut problems),
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
    let hint = match known {
        [] => "leave it out".to_owned(),
        known => format!("use one of: {}", known.join(", ")),
    };
    Error::user("UNKNOWN_VALUE", message).at(field).hint(hint)
}

fn impossible(field: &str, why: &str, hint: &str) -> Error {
    Error::user("IMPOSSIBLE_COMBINATION", why)
        .at(field)
        .hint(hint)
}

fn codec(codec: Option<wire::Codec>, problems: &mut Vec<Error>) -> Codec {
    let codec = codec.unwrap_or_default();
    let coding = coding(codec.format, problems);
    let usual = Codec::usual(coding);
    let names = |all: Vec<&'static str>, field, text: &str, problems: &mut Vec<Error>| {
        let found = all.iter().copied().find(|name| *name == text);
        if found.is_none() && !text.is_empty() {
            problems.push(unknown(&format!("recipe.codec.{field}"), text, &all));
        }
        found
    };
    let profiles = coding.profiles.iter().map(|profile| profile.name);
    let levels = coding.levels.iter().map(|level| level.name);
    let preset = names(coding.presets.into(), "preset", &codec.preset, problems);
    let profile = names(profiles.collect(), "profile", &codec.profile, problems);
    let level = names(levels.collect(), "level", &codec.level, problems);
    Codec {
        preset: preset.unwrap_or(usual.preset),
        profile: coding.profiles.iter().find(|p| Some(p.name) == profile),
        level: coding.levels.iter().find(|l| Some(l.name) == level),
        tune: names(coding.tunes.into(), "tune", &codec.tune, problems),
        bit_depth: bit_depth(codec.bit_depth, problems),
        ..usual
    }
}

fn coding(
    format: buffa::EnumValue<wire::CodecFormat>,
    problems: &mut Vec<Error>,
) -> &'static Coding {
    let (usual, unspecified) = (codings()[0], wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED);
    let asked = |coding: &&&Coding| format == coding.format;
    match codings().iter().find(asked) {
        Some(coding) => coding,
        None if format == unspecified => usual,
        None => {
            let known = codings().iter().map(|coding| coding.format.proto_name());
            let known: Vec<_> = known.collect();
            problems.push(unknown("recipe.codec.format", format.to_i32(), &known));
            usual
        }
    }
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
    let unspecified = wire::ScalingKernel::SCALING_KERNEL_UNSPECIFIED;
    let mut all = Kernel::ALL.into_iter();
    match all.find(|one| kernel == wire::ScalingKernel::from(*one)) {
        Some(known) => known,
        None if kernel == unspecified => Kernel::default(),
        None => {
            let known = Kernel::ALL.map(|one| wire::ScalingKernel::from(one).proto_name());
            problems.push(unknown("recipe.resolution.kernel", kernel.to_i32(), &known));
            Kernel::default()
        }
    }
}

fn edges(edges: Option<wire::Edges>, field: &str, problems: &mut Vec<Error>) -> Option<Edges> {
    let wire::Edges {
        left,
        top,
        right,
        bottom,
        ..
    } = edges?;
    let sides = [
        ("left", left),
        ("top", top),
        ("right", right),
        ("bottom", bottom),
    ];
    for (side, length) in sides {
        if length > MAX_SIDE {
            let message = format!("{length} pixels are more than any picture has");
            let error = Error::user("OUT_OF_RANGE", message);
            let error = error.at(format!("recipe.{field}.{side}"));
            problems.push(error.hint(format!("use 0 to {MAX_SIDE}")));
        }
    }
    Edges::new(left, top, right, bottom)
}

fn deinterlacing(
    asked: buffa::EnumValue<v1::Deinterlacing>,
    problems: &mut Vec<Error>,
) -> Option<Deinterlacing> {
    match asked.as_known() {
        Some(v1::Deinterlacing::Unspecified) => None,
        Some(v1::Deinterlacing::Frame) => Some(Deinterlacing::Frame),
        Some(v1::Deinterlacing::Field) => Some(Deinterlacing::Field),
        None => {
            let known = ["DEINTERLACING_FRAME", "DEINTERLACING_FIELD"];
            problems.push(unknown("recipe.deinterlacing", asked.to_i32(), &known));
            None
        }
    }
}

fn frame_rate(asked: Option<&v1::Rational>, problems: &mut Vec<Error>) -> Option<FrameRate> {
    const PARTS: i64 = 1_000_000;
    let asked = asked?;
    let rate = Rational::try_from(asked).ok().filter(|rate| {
        let (frames, seconds) = (rate.numerator(), rate.denominator());
        frames >= seconds && frames <= PARTS && *rate <= Rational::whole(480)
    });
    if rate.is_none() {
        let (numerator, denominator) = (asked.numerator, asked.denominator);
        let message = format!("{numerator}/{denominator} frames a second are impossible");
        let error = Error::user("OUT_OF_RANGE", message).at("recipe.frame_rate");
        let hint = "use 1 to 480, of parts up to 1000000: 25/1 or 24000/1001";
        problems.push(error.hint(hint));
    }
    rate.and_then(FrameRate::new)
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
        aligned_access: directives.aligned_access,
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
    control: wire::RateControl,
    problems: &mut Vec<Error>,
) -> RateControl {
    use wire::rate_control::Mode;
    let usual = codec.usual_rate_control();
    let lossless = codec.coding.rate_factors.lossless;
    match control.mode {
        None | Some(Mode::Lossless(false)) => usual,
        Some(Mode::Crf(0.0)) if lossless == Lossless::AtZero => RateControl::Lossless,
        Some(Mode::Crf(value)) => crf(value, codec.coding, problems),
        Some(Mode::Lossless(true)) if lossless != Lossless::Never => RateControl::Lossless,
        Some(Mode::Lossless(true)) => {
            problems.push(impossible(
                "recipe.rate_control.lossless",
                &format!("{} does not code without loss", codec.coding.encoder),
                &format!(
                    "use {} for that, or a constant rate factor",
                    those(|c| c.rate_factors.lossless != Lossless::Never)
                ),
            ));
            usual
        }
        Some(Mode::Bitrate(bits)) => bitrate(bits, codec.coding, problems).unwrap_or(usual),
        Some(Mode::QualityTarget(target)) => {
            quality(&target, codec.coding, problems).map_or(usual, RateControl::Quality)
        }
    }
}

fn quality(
    target: &wire::QualityTarget,
    coding: &Coding,
    problems: &mut Vec<Error>,
) -> Option<Goal> {
    const FIELD: &str = "recipe.rate_control.quality_target";
    if !coding.meets_quality {
        let why = format!("{} is not led to a quality yet", coding.encoder);
        let hint = format!(
            "use {} for that, or a constant rate factor",
            those(|c| c.meets_quality)
        );
        problems.push(impossible(FIELD, &why, &hint));
    }
    let metric = target.metric.as_known();
    let Some(metric) = metric.and_then(|metric| Metric::try_from(metric).ok()) else {
        let names = ["VMAF", "SSIM", "XPSNR"].map(|name| format!("QUALITY_METRIC_{name}"));
        let names = names.each_ref().map(String::as_str);
        problems.push(unknown(&format!("{FIELD}.metric"), target.metric, &names));
        return None;
    };
    let goal = Goal::new(metric, target.score);
    if goal.is_none() {
        let (title, range) = (metric.title(), metric.range());
        let message = format!("a score of {} is impossible for {title}", target.score);
        let error = Error::user("OUT_OF_RANGE", message).at(format!("{FIELD}.score"));
        problems.push(error.hint(format!("use {} to {}", range.start(), range.end())));
    }
    goal
}

/// What a decoder has in front of it, whose size goes by the bitrate unless it is told.
fn buffer(
    codec: Codec,
    control: &wire::RateControl,
    problems: &mut Vec<Error>,
) -> Option<DecoderBuffer> {
    use wire::rate_control::Mode;
    let wire::RateControl {
        max_bitrate,
        buffer,
        ref mode,
        ..
    } = *control;
    if (max_bitrate, buffer) == (0, 0) {
        return None;
    }
    let mut wrong = |field: &str, error: Error, hint: &str| {
        let field = format!("recipe.rate_control.{field}");
        problems.push(error.at(field).hint(hint));
    };
    if codec.coding.buffer().is_none() {
        let why = format!("{} is not kept to a buffer yet", codec.coding.encoder);
        let error = Error::user("IMPOSSIBLE_COMBINATION", why);
        let hint = format!(
            "use {} for that, or leave it out",
            those(|c| c.buffer().is_some())
        );
        wrong("max_bitrate", error, &hint);
    }
    if matches!(mode, Some(Mode::QualityTarget(_))) {
        let why = "an encode is not led to a quality and kept to a buffer at once yet";
        let error = Error::user("IMPOSSIBLE_COMBINATION", why);
        wrong(
            "max_bitrate",
            error,
            "use a constant rate factor or a bitrate",
        );
    }
    if matches!(mode, Some(Mode::Lossless(true)) | Some(Mode::Crf(0.0))) {
        let why = "what keeps every sample has as many bits as it takes";
        let error = Error::user("IMPOSSIBLE_COMBINATION", why);
        wrong(
            "max_bitrate",
            error,
            "use a constant rate factor or a bitrate",
        );
    }
    match mode {
        Some(Mode::Bitrate(average)) if max_bitrate > 0 && *average > max_bitrate => {
            let why = "the whole cannot have more on average than it may have at most";
            let error = Error::user("IMPOSSIBLE_COMBINATION", why);
            wrong("max_bitrate", error, "use the bitrate, or more");
        }
        _ => {}
    }
    if Bitrate::new(max_bitrate).is_none() {
        let message = format!("a greatest bitrate of {max_bitrate} bits in a second is impossible");
        let hint = "use 1000 (1 kb/s) to 1000000000 (1 Gb/s)";
        wrong("max_bitrate", Error::user("OUT_OF_RANGE", message), hint);
    }
    if buffer > MAX_BUFFER {
        let message = format!("a buffer of {buffer} bits is impossible");
        let hint = "use at most 10000000000 bits (10 Gb)";
        wrong("buffer", Error::user("OUT_OF_RANGE", message), hint);
    }
    let size = if buffer == 0 { max_bitrate } else { buffer };
    DecoderBuffer::new(max_bitrate, size)
}

fn bitrate(bits: u64, coding: &Coding, problems: &mut Vec<Error>) -> Option<RateControl> {
    const FIELD: &str = "recipe.rate_control.bitrate";
    if coding.passes.is_none() {
        let why = format!("{} is not led to a bitrate yet", coding.encoder);
        let hint = format!(
            "use {} for that, or a constant rate factor",
            those(|c| c.passes.is_some())
        );
        problems.push(impossible(FIELD, &why, &hint));
    }
    let bitrate = Bitrate::new(bits);
    if bitrate.is_none() {
        let message = format!("a bitrate of {bits} bits in a second is impossible");
        let error = Error::user("OUT_OF_RANGE", message).at(FIELD);
        problems.push(error.hint("use 1000 (1 kb/s) to 1000000000 (1 Gb/s)"));
    }
    bitrate.map(RateControl::Bitrate)
}

/// The names of these formats: "avc or hevc".
fn those(wanted: impl Fn(&Coding) -> bool) -> String {
    let codings = codings().iter().filter(|coding| wanted(coding));
    let names: Vec<_> = codings.map(|coding| coding.name).collect();
    names.join(" or ")
}

fn crf(value: f64, coding: &Coding, problems: &mut Vec<Error>) -> RateControl {
    let usual = coding.usual_rate_control();
    coding.rate_factors.of(value).map_or_else(
        || {
            let message = format!("a constant rate factor of {value} is impossible");
            let hint = format!("use {}", coding.rate_factors.range());
            let error = Error::user("OUT_OF_RANGE", message);
            problems.push(error.at("recipe.rate_control.crf").hint(hint));
            usual
        },
        RateControl::Crf,
    )
}

fn container(
    container: buffa::EnumValue<wire::Container>,
    codec: Codec,
    problems: &mut Vec<Error>,
) -> Container {
    const FIELD: &str = "recipe.container";
    let asked = match container.as_known() {
        Some(wire::Container::Unspecified | wire::Container::Mp4) => Container::Mp4,
        Some(wire::Container::Elementary) => Container::Elementary,
        Some(wire::Container::Mkv) => Container::Mkv,
        Some(wire::Container::Webm) => Container::WebM,
        Some(wire::Container::Ivf) => Container::Ivf,
        None => {
            let known = Container::ALL.map(|one| wire::Container::from(one).proto_name());
            problems.push(unknown(FIELD, container.to_i32(), &known));
            Container::Mp4
        }
    };
    let coding = codec.coding;
    if !coding.containers.contains(&asked) {
        let why = format!("{} does not hold {}", asked.name(), coding.title);
        let holding = coding.containers.iter().copied();
        let holding = holding.map(|one| wire::Container::from(one).proto_name());
        let hint = format!("use one of: {}", holding.collect::<Vec<_>>().join(", "));
        problems.push(impossible(FIELD, &why, &hint));
    }
    asked
}

fn other_tracks(
    tracks: buffa::EnumValue<wire::OtherTracks>,
    container: Container,
    problems: &mut Vec<Error>,
) -> OtherTracks {
    let alone = container.is_bare();
    match tracks.as_known() {
        Some(wire::OtherTracks::None) => OtherTracks::None,
        Some(wire::OtherTracks::Unspecified) if alone => OtherTracks::None,
        Some(wire::OtherTracks::Copy) if alone => {
            problems.push(impossible(
                "recipe.other_tracks",
                &format!("{} holds no other tracks", container.name()),
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

fn static_hdr(hdr: Option<wire::StaticHdr>, problems: &mut Vec<Error>) -> StaticHdr {
    let hdr = hdr.unwrap_or_default();
    let mut wrong = |InvalidFormat { field, expected }| {
        let error = Error::user("OUT_OF_RANGE", "this cannot be said of a film");
        let error = error.at(format!("recipe.static_hdr.{field}"));
        problems.push(error.hint(format!("use {expected}")));
    };
    let display = hdr.mastering_display.as_option().map(TryInto::try_into);
    let light = hdr.content_light.as_option().map(TryInto::try_into);
    StaticHdr {
        mastering_display: display.transpose().map_err(&mut wrong).unwrap_or_default(),
        content_light: light.transpose().map_err(&mut wrong).unwrap_or_default(),
    }
}

impl From<Recipe> for wire::Recipe {
    fn from(recipe: Recipe) -> Self {
        Self {
            codec: Some(wire::Codec::from(recipe.codec)).into(),
            resolution: recipe.size.map(wire::Resolution::from).into(),
            chunking_directives: Some(wire::ChunkingDirectives::from(recipe.chunking)).into(),
            rate_control: Some(rate_control_of(recipe.rate_control, recipe.buffer)).into(),
            container: wire::Container::from(recipe.container).into(),
            other_tracks: match recipe.other_tracks {
                OtherTracks::Copy => wire::OtherTracks::Copy.into(),
                OtherTracks::None => wire::OtherTracks::None.into(),
            },
            damage: match recipe.damage {
                Damage::Fail => wire::Damage::Fail.into(),
                Damage::Conceal => wire::Damage::Conceal.into(),
            },
            static_hdr: Some(recipe.static_hdr)
                .filter(|hdr| !hdr.is_empty())
                .map(wire::StaticHdr::from)
                .into(),
            crop: recipe.crop.map(wire::Edges::from).into(),
            padding: recipe.padding.map(wire::Edges::from).into(),
            deinterlacing: recipe
                .deinterlacing
                .map(v1::Deinterlacing::from)
                .unwrap_or_default()
                .into(),
            frame_rate: recipe
                .frame_rate
                .map(|rate| v1::Rational::from(rate.as_rational()))
                .into(),
            ..Default::default()
        }
    }
}

impl From<Kernel> for wire::ScalingKernel {
    fn from(kernel: Kernel) -> Self {
        match kernel {
            Kernel::Bicubic => Self::Bicubic,
            Kernel::Lanczos => Self::Lanczos,
            Kernel::Bilinear => Self::Bilinear,
            Kernel::Spline => Self::Spline,
            Kernel::Area => Self::Area,
            Kernel::Nearest => Self::Nearest,
        }
    }
}

impl From<Edges> for wire::Edges {
    fn from(edges: Edges) -> Self {
        let Edges {
            left,
            top,
            right,
            bottom,
        } = edges;
        Self {
            left,
            top,
            right,
            bottom,
            ..Default::default()
        }
    }
}

impl From<StaticHdr> for wire::StaticHdr {
    fn from(hdr: StaticHdr) -> Self {
        Self {
            mastering_display: hdr.mastering_display.map(Into::into).into(),
            content_light: hdr.content_light.map(Into::into).into(),
            ..Default::default()
        }
    }
}

impl From<Container> for wire::Container {
    fn from(container: Container) -> Self {
        match container {
            Container::Mp4 => Self::Mp4,
            Container::Elementary => Self::Elementary,
            Container::Mkv => Self::Mkv,
            Container::WebM => Self::Webm,
            Container::Ivf => Self::Ivf,
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
            kernel: wire::ScalingKernel::from(kernel).into(),
            shrink_only,
            ..Default::default()
        }
    }
}

impl From<Codec> for wire::Codec {
    fn from(codec: Codec) -> Self {
        let Codec {
            coding,
            preset,
            bit_depth,
            profile,
            level,
            tune,
        } = codec;
        let text = |setting: Option<&str>| setting.unwrap_or_default().to_owned();
        Self {
            format: coding.format.into(),
            preset: preset.to_owned(),
            profile: text(profile.map(|profile| profile.name)),
            level: text(level.map(|level| level.name)),
            tune: text(tune),
            bit_depth: bit_depth.map_or(0, |depth| u8::from(depth).into()),
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
            aligned_access: chunking.aligned_access,
            ..Default::default()
        }
    }
}

fn rate_control_of(control: RateControl, buffer: Option<DecoderBuffer>) -> wire::RateControl {
    let (max_bitrate, size) = buffer.map_or((0, 0), |buffer| (buffer.max_bitrate, buffer.size));
    wire::RateControl {
        max_bitrate,
        buffer: size,
        ..control.into()
    }
}

impl From<RateControl> for wire::RateControl {
    fn from(control: RateControl) -> Self {
        use wire::rate_control::Mode;
        Self {
            mode: Some(match control {
                RateControl::Crf(crf) => Mode::Crf(crf.value()),
                RateControl::Lossless => Mode::Lossless(true),
                RateControl::Bitrate(bitrate) => Mode::Bitrate(bitrate.get()),
                RateControl::Quality(goal) => Mode::from(wire::QualityTarget::from(goal)),
            }),
            ..Default::default()
        }
    }
}

impl From<Goal> for wire::QualityTarget {
    fn from(goal: Goal) -> Self {
        Self {
            metric: wire::QualityMetric::from(goal.metric).into(),
            score: goal.score.value(),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::QualityMetric> for Metric {
    type Error = ();

    /// None where none was told.
    fn try_from(metric: wire::QualityMetric) -> Result<Self, ()> {
        match metric {
            wire::QualityMetric::Unspecified => Err(()),
            wire::QualityMetric::Vmaf => Ok(Self::Vmaf),
            wire::QualityMetric::Ssim => Ok(Self::Ssim),
            wire::QualityMetric::Xpsnr => Ok(Self::Xpsnr),
        }
    }
}

impl From<Metric> for wire::QualityMetric {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::Vmaf => Self::Vmaf,
            Metric::Ssim => Self::Ssim,
            Metric::Xpsnr => Self::Xpsnr,
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
                "chunkingDirectives": {"frames": 30, "alignment": "CHUNK_ALIGNMENT_FIXED",
                                       "alignedAccess": true},
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
    fn a_recipe_for_hevc_survives_the_wire() {
        let recipe = recipe(
            r#"{"codec": {"format": "CODEC_FORMAT_HEVC", "preset": "slow", "profile": "main10",
                          "level": "5.1", "tune": "grain", "bitDepth": 10},
                "rateControl": {"lossless": true}, "container": "CONTAINER_MKV"}"#,
        )
        .unwrap();
        assert_eq!(recipe.codec.name(), "hevc");
        assert_eq!(recipe.rate_control, RateControl::Lossless);
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
        let film = r#"{"codec": {"format": "CODEC_FORMAT_HEVC", "tune": "film"}}"#;
        assert_eq!(told(film), unknown("tune"));
        let zero = r#"{"codec": {"format": 3}, "rateControl": {"crf": 0}}"#;
        assert_eq!(told(zero), ["recipe.rate_control.crf OUT_OF_RANGE"]);
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
    fn a_buffer_survives_the_wire_or_is_refused() {
        let buffer = |rate: &str| recipe(&format!(r#"{{"rateControl": {{{rate}}}}}"#));
        let capped = buffer(r#""crf": 20, "maxBitrate": 5000000"#).unwrap();
        assert_eq!(capped.buffer, DecoderBuffer::new(5_000_000, 5_000_000));
        let both = buffer(r#""bitrate": 3000, "maxBitrate": 5000, "buffer": 9000"#).unwrap();
        assert_eq!(both.buffer, DecoderBuffer::new(5_000, 9_000));
        assert_eq!(Recipe::try_from(wire::Recipe::from(both.clone())), Ok(both));
        let field = |rate: &str| {
            let problems = buffer(rate).unwrap_err().0;
            assert!(problems.iter().all(|problem| problem.hint.is_some()));
            let fields = problems.into_iter().filter_map(|problem| problem.field);
            fields.collect::<Vec<_>>().join(" ")
        };
        let max = "recipe.rate_control.max_bitrate";
        assert_eq!(field(r#""buffer": 9000"#), max);
        assert_eq!(field(r#""lossless": true, "maxBitrate": 9000"#), max);
        assert_eq!(field(r#""crf": 0, "maxBitrate": 9000"#), max);
        assert_eq!(field(r#""bitrate": 9001, "maxBitrate": 9000"#), max);
        assert_eq!(field(r#""maxBitrate": 12"#), max);
        let size = r#""maxBitrate": 9000, "buffer": "10000000001""#;
        assert_eq!(field(size), "recipe.rate_control.buffer");
        let target = r#""qualityTarget": {"metric": 1, "score": 93}, "maxBitrate": 9000"#;
        assert_eq!(field(target), max);
        let av1 = recipe(r#"{"codec": {"format": 2}, "rateControl": {"maxBitrate": 9000}}"#);
        assert_eq!(av1.unwrap_err().0[0].field.as_deref(), Some(max));
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
    fn edges_and_kernels_survive_the_wire_or_are_refused() {
        for kernel in Kernel::ALL {
            let name = wire::ScalingKernel::from(kernel).proto_name();
            let recipe = recipe(&format!(
                r#"{{"resolution": {{"height": 90, "kernel": "{name}"}},
                    "crop": {{"top": 2, "right": 3}}, "padding": {{"left": 4, "bottom": 5}}}}"#
            ));
            let recipe = recipe.unwrap();
            assert_eq!(recipe.size.unwrap().kernel, kernel);
            assert_eq!(recipe.crop, Edges::new(0, 2, 3, 0));
            assert_eq!(recipe.padding, Edges::new(4, 0, 0, 5));
            assert_eq!(
                Recipe::try_from(wire::Recipe::from(recipe.clone())),
                Ok(recipe)
            );
        }
        let nothing = recipe(r#"{"crop": {}, "padding": {}}"#);
        assert_eq!(nothing, Ok(Recipe::default()));
        let problems = recipe(r#"{"crop": {"left": 20000}, "padding": {"bottom": 16385}}"#);
        let problems = problems.unwrap_err().0;
        let fields: Vec<_> = problems.iter().filter_map(|p| p.field.as_deref()).collect();
        assert_eq!(fields, ["recipe.crop.left", "recipe.padding.bottom"]);
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
    }

    #[test]
    fn what_hdr10_says_survives_the_wire_or_is_refused() {
        let display = r#"{"red": {"x": 34000, "y": 16000}, "green": {"x": 13250, "y": 34500},
            "blue": {"x": 7500, "y": 3000}, "whitePoint": {"x": 15635, "y": 16450},
            "maxLuminance": 10000000, "minLuminance": 50}"#;
        let light = r#"{"maxContent": 1000, "maxFrameAverage": 400}"#;
        let json = |display: &str, light: &str| {
            format!(
                r#"{{"staticHdr": {{"masteringDisplay": {display}, "contentLight": {light}}}}}"#
            )
        };
        let recipe = recipe(&json(display, light)).unwrap();
        assert_eq!(recipe.static_hdr.content_light.unwrap().max_content, 1000);
        let again = Recipe::try_from(wire::Recipe::from(recipe.clone()));
        assert_eq!(again, Ok(recipe));
        let problems = self::recipe(&json("{}", r#"{"maxContent": 70000}"#)).unwrap_err();
        let fields: Vec<_> = problems
            .0
            .iter()
            .filter_map(|p| p.field.as_deref())
            .collect();
        let expected = ["mastering_display", "content_light"];
        assert_eq!(
            fields,
            expected.map(|field| format!("recipe.static_hdr.{field}"))
        );
        assert!(problems.0.iter().all(|problem| problem.hint.is_some()));
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
    fn a_rate_factor_that_there_is_not_is_refused() {
        for crf in ["-1", "0.5", "51.5", "\"NaN\"", "\"Infinity\""] {
            let json = format!(r#"{{"rateControl": {{"crf": {crf}}}}}"#);
            let problems = recipe(&json).unwrap_err().0;
            assert_eq!(problems.len(), 1, "{crf}");
            let hint = "use 0 (lossless), or 1 (best) to 51 (worst)";
            assert_eq!(problems[0].hint.as_deref(), Some(hint), "{crf}");
        }
    }

    #[test]
    fn vvc_has_10_bits_in_mp4_or_is_refused() {
        let asked = |codec: &str, more: &str| {
            let json = format!(r#"{{"codec": {{"format": "CODEC_FORMAT_VVC"{codec}}}{more}}}"#);
            let told = recipe(&json).map(drop);
            told.map_err(|problems| problems.0[0].field.clone().unwrap())
        };
        let field = |codec: &str, more: &str| asked(codec, more).unwrap_err();
        assert_eq!(field(r#", "bitDepth": 8"#, ""), "recipe.codec.bit_depth");
        assert_eq!(field(r#", "tune": "film""#, ""), "recipe.codec.tune");
        let taken = r#", "bitDepth": 10, "profile": "main10", "level": "5.1", "preset": "faster""#;
        assert_eq!(asked(taken, r#", "container": "CONTAINER_MP4""#), Ok(()));
        for container in ["MKV", "WEBM", "IVF", "ELEMENTARY"] {
            let more = format!(r#", "container": "CONTAINER_{container}""#);
            assert_eq!(field("", &more), "recipe.container", "{container}");
        }
    }

    #[test]
    fn what_an_encoder_is_not_led_to_is_refused_with_those_that_are() {
        let asked = |coding: &Coding, mode: &str| {
            let format = coding.format.to_i32();
            let json = format!(r#"{{"codec": {{"format": {format}}}, "rateControl": {{{mode}}}}}"#);
            recipe(&json).map(drop)
        };
        let quality = r#""qualityTarget": {"metric": "QUALITY_METRIC_SSIM", "score": 0.95}"#;
        for coding in codings() {
            for (mode, can) in [
                (quality, coding.meets_quality),
                (r#""bitrate": 1000000"#, coding.passes.is_some()),
                (
                    r#""lossless": true"#,
                    coding.rate_factors.lossless != Lossless::Never,
                ),
            ] {
                let Err(Problems(problems)) = asked(coding, mode) else {
                    assert!(can, "{coding:?}: {mode}");
                    continue;
                };
                assert!(!can && problems.len() == 1, "{coding:?}: {problems:?}");
                assert_eq!(problems[0].code, "IMPOSSIBLE_COMBINATION");
                let hint = problems[0].hint.as_deref().unwrap();
                assert!(hint.starts_with("use avc or hevc or "), "{hint}");
            }
        }
    }

    #[test]
    fn a_quality_is_asked_for_by_metric_and_score() {
        for coding in codings().iter().filter(|coding| coding.meets_quality) {
            let asked = |metric: &str, score: f64| {
                let json = format!(
                    r#"{{"codec": {{"format": {}}}, "rateControl": {{"qualityTarget":
                    {{"metric": "QUALITY_METRIC_{metric}", "score": {score}}}}}}}"#,
                    coding.format.to_i32(),
                );
                recipe(&json)
            };
            let vmaf = asked("VMAF", 93.5).unwrap();
            let goal = Goal::new(Metric::Vmaf, 93.5).unwrap();
            assert_eq!(vmaf.rate_control, RateControl::Quality(goal));
            assert_eq!(Recipe::try_from(wire::Recipe::from(vmaf.clone())), Ok(vmaf));
            let field = |told: Result<Recipe, Problems>| told.unwrap_err().0[0].field.clone();
            let target = "recipe.rate_control.quality_target";
            assert_eq!(
                field(asked("SSIM", 1.01)).unwrap(),
                format!("{target}.score")
            );
            assert_eq!(
                field(asked("UNSPECIFIED", 1.0)).unwrap(),
                format!("{target}.metric")
            );
        }
    }
}
