//! The figures of a run, in words.

use std::time::Duration;

use super::Summary;
use super::event::Progress;
use crate::units::{Size, countdown};
use crate::ves::snapshot::{Snapshot, Stage};

/// What the state of the work and the pace so far come to.
pub(super) fn progress(
    work: &Stage,
    frames: Option<u64>,
    pace: &super::Pace,
    elapsed: Duration,
) -> Progress {
    let fraction = work.fraction();
    let total = work.total as f64;
    let of_frames = |share: f64| frames.map(|frames| frames as f64 * share);
    let left = pace.left(total - work.progress);
    Progress {
        chunks: work.total,
        chunks_done: work.done,
        chunks_running: work.running,
        chunks_reused: work.reused,
        fraction,
        frames,
        frames_done: of_frames(fraction).map(|done| done as u64),
        fps: pace.rate().and_then(|rate| of_frames(rate / total)),
        eta_ms: left.filter(|_| fraction < 1.0).map(millis),
        // A validation writes nothing that is handed out.
        output_bytes: if work.name == "encoder" {
            work.output_bytes
        } else {
            0
        },
        elapsed_ms: millis(elapsed),
    }
}

/// "12/48 chunks, 143 fps, 12.1 MiB, 0:42 left, 3 reused"
pub(super) fn in_words(now: &Progress) -> String {
    let mut parts = vec![format!("{}/{} chunks", now.chunks_done, now.chunks)];
    parts.extend(now.fps.map(speed));
    if now.output_bytes > 0 {
        parts.push(Size(now.output_bytes).to_string());
    }
    let left = now.eta_ms.map(Duration::from_millis);
    parts.extend(left.map(|left| format!("{} left", countdown(left))));
    if now.chunks_reused > 0 {
        parts.push(format!("{} reused", now.chunks_reused));
    }
    parts.join(", ")
}

/// One line of a log: "encoding 25 %, 12/48 chunks, …".
pub(super) fn line(now: &Snapshot, progress: Option<&Progress>) -> Option<String> {
    let stage = verb(now);
    let Some(progress) = progress else {
        if let Some(source) = now.source_decode() {
            return Some(format!("{stage} {} %", (source.fraction() * 100.0) as u32));
        }
        return now.current().map(|_| stage.to_owned());
    };
    let percent = (progress.fraction * 100.0) as u32;
    Some(format!("{stage} {percent} %, {}", in_words(progress)))
}

/// What is being done.
pub(super) fn verb(now: &Snapshot) -> &'static str {
    let stage = now.current().map_or("", |stage| stage.name.as_str());
    match stage {
        "splitter" | "plan" => "reading",
        "reference" if now.source_decode().is_some() => "reading",
        "survey" | "aim" | "analysis" | "planner" => "analysing",
        "encoder" | "settler" | "repair" | "settler-2" | "repair-2" | "measured" => "encoding",
        "assembler" => "assembling",
        "validator" | "reference" | "inspect" | "verdict" => "validating",
        "notifier" | "answer" => "finishing",
        "" if now.has_ended() => "finishing",
        "" => "starting",
        _ => "working",
    }
}

/// The last line of a run.
pub(super) fn summary(summary: &Summary) -> String {
    let share = summary.source_bytes.map(|source| {
        let share = summary.size_bytes as f64 / source.max(1) as f64 * 100.0;
        format!(" ({share:.0} % of the source)")
    });
    let reused = match summary.chunks_reused {
        0 => String::new(),
        count => format!(", {count} chunks reused"),
    };
    let retried = match summary.retries {
        0 => String::new(),
        count => format!(", {count} retried"),
    };
    let quality = summary.quality.iter();
    let quality: String = quality.map(|it| format!("; {}", it.words())).collect();
    let warnings = summary.warnings.iter();
    let warnings: String = warnings.map(|it| format!("\nwarning: {it}")).collect();
    format!(
        "{}: {} frames, {}{}, {}, {:.1} s{reused}{retried}{quality}; valid: {}{warnings}",
        summary.output,
        summary.frames,
        Size(summary.size_bytes),
        share.unwrap_or_default(),
        speed(summary.fps),
        summary.elapsed_ms as f64 / 1e3,
        summary.checks.join(", "),
    )
}

fn speed(fps: f64) -> String {
    match fps < 10.0 {
        true => format!("{fps:.1} fps"),
        false => format!("{fps:.0} fps"),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Pace;
    use super::*;

    fn encoder(total: u64, done: u64, progress: f64, reused: u64) -> Stage {
        Stage {
            name: "encoder".into(),
            state: "running".into(),
            total,
            done,
            progress,
            reused,
            output_bytes: 2_048,
            ..Stage::default()
        }
    }

    /// One chunk in ten seconds.
    fn pace() -> Pace {
        let mut pace = Pace::default();
        pace.saw(Duration::ZERO, 0.0);
        pace.saw(Duration::from_secs(10), 1.0);
        pace
    }

    #[test]
    fn figures_count_only_the_work_of_this_run() {
        let half_reused = encoder(10, 6, 6.0, 5);
        let progress = progress(&half_reused, Some(1_000), &pace(), Duration::from_secs(10));
        assert_eq!(
            in_words(&progress),
            "6/10 chunks, 10 fps, 2.0 KiB, 0:40 left, 5 reused"
        );
        assert_eq!(progress.frames_done, Some(600));
    }

    #[test]
    fn without_a_number_of_frames_there_is_no_speed() {
        let progress = progress(&encoder(10, 5, 5.0, 0), None, &pace(), Duration::ZERO);
        assert_eq!(in_words(&progress), "5/10 chunks, 2.0 KiB, 0:50 left");
        assert_eq!((progress.frames_done, progress.fps), (None, None));
    }

    #[test]
    fn nothing_is_promised_before_anything_is_known() {
        let mut begun = encoder(10, 0, 0.0, 0);
        begun.output_bytes = 0;
        let progress = progress(&begun, Some(9), &Pace::default(), Duration::ZERO);
        assert_eq!(in_words(&progress), "0/10 chunks");
        assert_eq!(line(&Snapshot::default(), None), None);
        let now = Snapshot {
            stages: vec![begun],
        };
        assert_eq!(
            line(&now, Some(&progress)).unwrap(),
            "encoding 0 %, 0/10 chunks"
        );
    }

    #[test]
    fn the_end_is_told_in_one_line() {
        let done = Summary {
            output: "/tmp/out.mp4".into(),
            frames: 240,
            size_bytes: 3 << 20,
            source_bytes: Some(6 << 20),
            fps: 96.4,
            elapsed_ms: 2_489,
            chunks_reused: 2,
            checks: vec!["frame-count".into(), "timestamps".into()],
            ..Summary::default()
        };
        assert_eq!(
            summary(&done),
            "/tmp/out.mp4: 240 frames, 3.0 MiB (50 % of the source), 96 fps, 2.5 s, 2 chunks \
             reused; valid: frame-count, timestamps"
        );
    }
}
