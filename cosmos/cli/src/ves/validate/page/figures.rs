//! Figures over the length of a video, as drawings.

use stratum_frames::FrameTable;
use vvs_api::report::Quality;

use crate::chart::{Line, Lines};

/// Seams that are marked; more would be a hedge.
const MARKS: usize = 200;
/// Points of a line.
const POINTS: u64 = 1_000;

/// How far the pictures are from the source's, with the seams.
pub(super) fn quality(quality: &Quality, seams: &[u64]) -> String {
    let line = |name: &str, values: &[u32]| {
        let at = |(n, value): (usize, &u32)| {
            (
                n as f64 * quality.frames_per_point as f64,
                f64::from(*value) / 100.0,
            )
        };
        Line {
            name: name.into(),
            points: values.iter().enumerate().map(at).collect(),
        }
    };
    let mut lines = vec![line("mean", &quality.mean)];
    if quality.frames_per_point > 1 {
        lines.push(line("worst", &quality.worst));
    }
    let marks = seams.iter().filter(|_| seams.len() <= MARKS);
    Lines {
        title: "How far pictures are from the source's, in levels of 8 bits",
        x_name: "frame",
        lines,
        marks: marks.map(|frame| *frame as f64).collect(),
    }
    .svg()
}

/// Bits of the video by second, if the container tells times.
pub(super) fn bit_rate(table: &FrameTable) -> Option<String> {
    let line = Line {
        name: "kbit/s".into(),
        points: kilobits(table)?,
    };
    let lines = Lines {
        title: "Bit rate of the video, by second",
        x_name: "second",
        lines: vec![line],
        marks: vec![],
    };
    Some(lines.svg())
}

/// Kilobits a second, of each second, or of as many as make a thousand points.
fn kilobits(table: &FrameTable) -> Option<Vec<(f64, f64)>> {
    let base = table.source().format.time_base.as_rational();
    let first = table.packets().iter().map(|packet| packet.pts).min()?;
    let second = |pts: i64| {
        let seconds = base.floor_mul(pts.checked_sub(first)?)?;
        u64::try_from(seconds).ok()
    };
    let last = table
        .packets()
        .iter()
        .filter_map(|packet| second(packet.pts))
        .max()?;
    let each = (last + 1).div_ceil(POINTS);
    let mut bytes = vec![0_u64; usize::try_from(last / each).ok()? + 1];
    for packet in table.packets() {
        let place = usize::try_from(second(packet.pts)? / each).ok()?;
        *bytes.get_mut(place)? += u64::from(packet.size);
    }
    let point = |(n, bytes): (usize, u64)| {
        let kilobits = bytes as f64 * 8.0 / 1e3 / each as f64;
        (n as f64 * each as f64, kilobits)
    };
    Some(bytes.into_iter().enumerate().map(point).collect())
}
