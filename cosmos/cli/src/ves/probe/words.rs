//! The answer as people read it.

use video::{Chroma, ScanType};

use super::facts::{Facts, OtherTrack, Video};
use super::plan::Planned;
use super::{Probe, timing};
use crate::colour::Paint;
use crate::explain::{explain, one_line};
use crate::units::{Size, count};

/// The width of titles.
const TITLE: usize = 12;

pub(super) fn of(probe: &Probe, paint: Paint) -> String {
    let mut text = paint.strong(&one_line(&probe.source.path));
    let lines = source(&probe.source);
    text.push_str(&titled(&lines, paint));
    if !probe.unusual.is_empty() {
        text.push_str(&format!("\n\n{}", paint.notable("Unusual")));
    }
    for oddity in &probe.unusual {
        text.push_str(&format!("\n  - {}", one_line(&oddity.sentence)));
    }
    text.push_str(&format!("\n\n{}", paint.strong("With these settings")));
    match &probe.plan {
        Some(plan) => text.push_str(&titled(&planned(plan), paint)),
        None => {
            let problems = explain(&probe.errors, paint);
            text.push_str(&format!("\n{}", problems.trim_end()));
        }
    }
    text
}

type Lines = Vec<(String, String)>;

fn titled(lines: &Lines, paint: Paint) -> String {
    let line = |(title, words): &(String, String)| {
        let title = paint.faint(&format!("{title:TITLE$}"));
        format!("\n  {title}{}", one_line(words))
    };
    lines.iter().map(line).collect()
}

fn source(facts: &Facts) -> Lines {
    let mut lines = vec![
        ("container", container(facts)),
        ("video", codec(&facts.video)),
        ("picture", picture(&facts.video)),
        ("colour", colour(&facts.video)),
        ("frames", frames(facts)),
        ("rate", rate(facts)),
    ];
    if !facts.video.hdr.is_empty() {
        lines.insert(4, ("hdr", facts.video.hdr.join(", ")));
    }
    if facts.video.rotation != 0 {
        lines.push(("rotation", format!("{}° clockwise", facts.video.rotation)));
    }
    let lines = lines.into_iter();
    let tracks = facts
        .other_tracks
        .iter()
        .map(|track| (format!("track {}", track.index), other(track)));
    lines
        .map(|(title, words)| (title.to_owned(), words))
        .chain(tracks)
        .collect()
}

fn container(facts: &Facts) -> String {
    let name = match facts.container_name.as_str() {
        "" => &facts.container,
        name => name,
    };
    let chapters = match facts.chapters {
        0 => String::new(),
        some => format!(", {}", count(some, "chapter")),
    };
    format!("{name}, {}{chapters}", Size(facts.size_bytes))
}

fn codec(video: &Video) -> String {
    let profile = video.profile.as_deref().map(|name| format!(" ({name})"));
    let scan = match video.scan {
        ScanType::Unknown => "scan not told",
        ScanType::Progressive => "progressive",
        ScanType::TopFieldFirst => "interlaced, top field first",
        ScanType::BottomFieldFirst => "interlaced, bottom field first",
    };
    format!(
        "track {}, {}{}, {scan}",
        video.track,
        video.codec,
        profile.unwrap_or_default()
    )
}

fn picture(video: &Video) -> String {
    let sar = video.sample_aspect_ratio;
    let shape = video.display_aspect_ratio.map(|shape| {
        let (width, height) = (shape.numerator(), shape.denominator());
        format!(", shown as {width}:{height}")
    });
    let pixels = match sar.numerator() == sar.denominator() {
        true => "square pixels".to_owned(),
        false => format!("pixels {}:{}", sar.numerator(), sar.denominator()),
    };
    let depth = video.bit_depth.map(|bits| format!(", {bits} bits"));
    let chroma = video.chroma.map(|chroma| format!(" {}", sampling(chroma)));
    format!(
        "{}x{}, {pixels}{}{}{} ({})",
        video.width,
        video.height,
        shape.unwrap_or_default(),
        depth.unwrap_or_default(),
        chroma.unwrap_or_default(),
        video.pixel_format
    )
}

fn sampling(chroma: Chroma) -> &'static str {
    match chroma {
        Chroma::Monochrome => "grey",
        Chroma::Yuv420 => "4:2:0",
        Chroma::Yuv422 => "4:2:2",
        Chroma::Yuv444 => "4:4:4",
        Chroma::OtherYuv => "YUV",
        Chroma::Rgb => "RGB",
    }
}

fn colour(video: &Video) -> String {
    let colour = &video.colour;
    let told = [
        ("primaries", colour.primaries),
        ("transfer", colour.transfer),
        ("matrix", colour.matrix),
        ("range", colour.range),
    ];
    let told: Vec<String> = told
        .iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", (*name)?)))
        .collect();
    match told.is_empty() {
        true => "not told".to_owned(),
        false => told.join(", "),
    }
}

fn frames(facts: &Facts) -> String {
    let duration = facts.timing.duration.map(timing::in_words);
    format!(
        "{} in {}, {}",
        facts.frames,
        duration.unwrap_or_else(|| "a time beyond all bounds".to_owned()),
        access(facts)
    )
}

/// What was counted by decoding alone tells nothing of where decoding can start.
fn access(facts: &Facts) -> String {
    match (facts.decoded, facts.random_access_points) {
        (true, 0) => "random access points not known".to_owned(),
        (_, points) => count(points, "random access point"),
    }
}

fn rate(facts: &Facts) -> String {
    let nominal = timing::rate(facts.video.frame_rate);
    let average = facts.timing.average_rate.map(timing::rate);
    match (facts.timing.variable, average) {
        (false, _) => format!("{nominal} frames a second, constant"),
        (true, Some(average)) => {
            format!("variable: {average} frames a second on average, {nominal} nominal")
        }
        (true, None) => format!("variable: {nominal} frames a second nominal"),
    }
}

fn other(track: &OtherTrack) -> String {
    let kind = match track.kind.as_str() {
        "" => "unknown",
        _ if track.is_attached_picture => "picture",
        kind => kind,
    };
    let mut parts = vec![kind.to_owned()];
    parts.extend(Some(track.codec.clone()).filter(|codec| !codec.is_empty()));
    parts.extend(track.sample_rate.map(|rate| format!("{rate} Hz")));
    parts.extend(
        track
            .channels
            .map(|channels| count(channels.into(), "channel")),
    );
    parts.extend(track.language.clone());
    parts.extend(track.title.as_ref().map(|title| format!("\"{title}\"")));
    parts.join(", ")
}

fn planned(plan: &Planned) -> Lines {
    let lengths = match plan.shortest_chunk == plan.longest_chunk {
        true => count(plan.longest_chunk, "frame"),
        false => format!("{} to {} frames", plan.shortest_chunk, plan.longest_chunk),
    };
    let preroll = match plan.preroll_frames {
        None | Some(0) => String::new(),
        Some(some) => format!("; {} decoded twice", count(some, "frame")),
    };
    let chunks = format!("{} of {lengths}{preroll}", plan.chunks);
    let picture = format!("{}x{} {}", plan.width, plan.height, plan.pixel_format);
    let mut lines = vec![
        ("chunks".to_owned(), chunks),
        ("container".to_owned(), plan.container.to_owned()),
        ("picture".to_owned(), picture),
    ];
    if !plan.filter_graph.is_empty() {
        lines.push(("filters".to_owned(), plan.filter_graph.clone()));
    }
    lines.push(("encoder".to_owned(), plan.encoder_args.join(" ")));
    let tracks = plan.tracks.iter();
    lines.extend(tracks.map(|track| (format!("track {}", track.index), track.reason.clone())));
    lines
}
