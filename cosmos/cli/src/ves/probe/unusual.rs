//! What is unusual about a source, in plain sentences.

use serde::Serialize;
use stratum_frames::{Examined, FrameTable, Packet};
use video::{Chroma, Rational};

use super::timing::{self, Timing};
use crate::units::count;

/// Something unusual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Oddity {
    /// Stable, in snake_case.
    pub code: &'static str,
    pub sentence: String,
}

/// Everything unusual about a source, the gravest first.
pub(super) fn of(examined: &Examined) -> Vec<Oddity> {
    let checks = [
        damaged, decoded, announced, repaired, no_access, open_gops, hidden, no_index, late,
        variable, interlaced, rotated, odd_size, anamorphic, more_video,
    ];
    let found = |check: &fn(&Examined) -> Option<Oddity>| check(examined);
    checks.iter().filter_map(found).collect()
}

fn oddity(code: &'static str, sentence: impl Into<String>) -> Option<Oddity> {
    Some(Oddity {
        code,
        sentence: sentence.into(),
    })
}

fn damaged(examined: &Examined) -> Option<Oddity> {
    let said = examined.complaints.first()?;
    match examined.doubt.is_some_and(|why| why.contains("damaged")) {
        true => oddity(
            "damaged",
            format!("It is damaged or cut off; the first complaint of its reader is: {said}"),
        ),
        false => oddity("warning", format!("Its reader warns: {said}")),
    }
}

fn decoded(examined: &Examined) -> Option<Oddity> {
    let why = examined.doubt?;
    oddity(
        "index_not_trusted",
        format!("Its index is not enough to know the frames ({why}), so all were decoded once."),
    )
}

fn announced(examined: &Examined) -> Option<Oddity> {
    let announced = examined.table.source().announced?;
    let packets = examined.table.packets().len() as u64;
    if announced == packets {
        return None;
    }
    let there = count(packets, "frame");
    oddity(
        "other_count_announced",
        format!("Its header announces {announced} frames; {there} can be read."),
    )
}

fn repaired(examined: &Examined) -> Option<Oddity> {
    if examined.table.timing() == stratum_frames::Timing::Source {
        return None;
    }
    oddity(
        "timestamps_repaired",
        "Its timestamps are missing or jump back; each such frame follows the one before by one \
         nominal frame.",
    )
}

/// Frames beyond which decoding from the first one hurts.
const MANY: u64 = 300;

fn no_access(examined: &Examined) -> Option<Oddity> {
    let table = &examined.table;
    let keys = shown(table).filter(|frame| frame.key).count();
    if keys > 1 || table.len() < MANY {
        return None;
    }
    oddity(
        "no_random_access",
        "Decoding can start at its first frame only: each chunk decodes everything before it too.",
    )
}

fn shown(table: &FrameTable) -> impl Iterator<Item = &Packet> {
    table.range(0, table.len())
}

/// Access points followed, in decode order, by frames that are shown before them.
fn open_gops(examined: &Examined) -> Option<Oddity> {
    let packets = examined.table.packets();
    let (mut keys, mut open) = (0, 0);
    let mut rest = packets.iter().skip_while(|packet| !packet.key).peekable();
    while let Some(key) = rest.next() {
        keys += 1;
        let mut leads = false;
        while let Some(packet) = rest.next_if(|packet| !packet.key) {
            leads |= packet.shown && packet.pts < key.pts;
        }
        open += u64::from(leads);
    }
    if open == 0 {
        return None;
    }
    oddity(
        "open_gop",
        format!(
            "{open} of {keys} random access points are followed by frames shown before them (open \
             GOPs); those are decoded from the access point before, so none is lost."
        ),
    )
}

fn hidden(examined: &Examined) -> Option<Oddity> {
    let packets = examined.table.packets().iter();
    let hidden = packets.filter(|packet| !packet.shown).count() as u64;
    if hidden == 0 {
        return None;
    }
    let (frames, are) = (
        count(hidden, "frame"),
        if hidden == 1 { "is" } else { "are" },
    );
    oddity(
        "hidden_frames",
        format!(
            "{frames} {are} never shown, hidden by an edit list or by the codec; decoding may need \
             them, the result does not have them."
        ),
    )
}

/// ffmpeg's names of formats without an index.
const WITHOUT_INDEX: [&str; 9] = [
    "mpegts",
    "mpeg",
    "mpegvideo",
    "h264",
    "hevc",
    "av1",
    "obu",
    "m4v",
    "vc1",
];

fn no_index(examined: &Examined) -> Option<Oddity> {
    let container = examined.table.source().container.as_str();
    if !WITHOUT_INDEX.contains(&container) {
        return None;
    }
    oddity(
        "no_index",
        "Its container has no index; the whole file was read to find the frames.",
    )
}

fn late(examined: &Examined) -> Option<Oddity> {
    let start = Timing::of(&examined.table).start?;
    if start == Rational::ZERO {
        return None;
    }
    let (when, than) = (timing::in_words(start), Rational::ZERO);
    let word = if start < than { "early" } else { "late" };
    oddity(
        "late_start",
        format!("Its timestamps start {word}: the first frame is shown at {when}."),
    )
}

fn variable(examined: &Examined) -> Option<Oddity> {
    let timing = Timing::of(&examined.table);
    let (shortest, longest) = timing.shortest.zip(timing.longest)?;
    if !timing.variable {
        return None;
    }
    oddity(
        "variable_frame_rate",
        format!(
            "Its frame rate varies: a frame stays from {} to {}. Each keeps its own time.",
            timing::in_words(shortest),
            timing::in_words(longest)
        ),
    )
}

fn interlaced(examined: &Examined) -> Option<Oddity> {
    let scan = examined.table.source().format.scan_type;
    let first = match scan {
        video::ScanType::TopFieldFirst => "top",
        video::ScanType::BottomFieldFirst => "bottom",
        _ => return None,
    };
    oddity(
        "interlaced",
        format!(
            "It is interlaced, {first} field first. AVC keeps it so; --deinterlace frame or field makes \
             whole frames of it, for any codec."
        ),
    )
}

fn rotated(examined: &Examined) -> Option<Oddity> {
    match examined.table.source().format.rotation.degrees() {
        0 => None,
        degrees => oddity(
            "rotated",
            format!("It is turned by {degrees} degrees clockwise for display."),
        ),
    }
}

fn odd_size(examined: &Examined) -> Option<Oddity> {
    let format = &examined.table.source().format;
    let size = format.resolution;
    if size.width().is_multiple_of(2) && size.height().is_multiple_of(2) {
        return None;
    }
    let halved = matches!(
        format.pixel_format.chroma(),
        Some(Chroma::Yuv420 | Chroma::Yuv422)
    );
    let consequence = match halved {
        true => ", which many encoders refuse with this chroma sampling",
        false => "",
    };
    oddity(
        "odd_size",
        format!("Its picture has an odd side: {size}{consequence}."),
    )
}

fn anamorphic(examined: &Examined) -> Option<Oddity> {
    let format = &examined.table.source().format;
    let pixel = format.sample_aspect_ratio;
    let screen = pixel.display_aspect_ratio(format.resolution)?;
    if pixel == video::SampleAspectRatio::SQUARE {
        return None;
    }
    oddity(
        "anamorphic",
        format!(
            "Its pixels are not square ({pixel}): {} is shown as {}:{}.",
            format.resolution,
            screen.numerator(),
            screen.denominator()
        ),
    )
}

fn more_video(examined: &Examined) -> Option<Oddity> {
    let main = examined.table.source().track;
    let tracks = examined.description.tracks.iter();
    let more = tracks
        .filter(|track| track.index != main && track.kind == "video" && !track.is_attached_picture)
        .count() as u64;
    if more == 0 {
        return None;
    }
    oddity(
        "more_video_tracks",
        format!(
            "It has {} besides; the first one is encoded.",
            count(more, "video track")
        ),
    )
}
