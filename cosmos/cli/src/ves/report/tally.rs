//! How several files ended.

use serde::Serialize;

use super::Summary;
use crate::colour::Paint;
use crate::explain::one_line;
use crate::table::{Cell, Column, Table, Tone};
use crate::units::{Size, count};

/// All files of a batch.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::ves) struct Tally {
    pub files: u64,
    pub encoded: u64,
    pub failed: u64,
    pub skipped: u64,
    pub unfinished: u64,
    pub elapsed_ms: u64,
    pub results: Vec<Line>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub(in crate::ves) struct Line {
    pub input: String,
    pub output: String,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(skip)]
    pub source_bytes: Option<u64>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::ves) enum Outcome {
    Encoded,
    Failed,
    /// Its output was there before.
    Skipped,
    /// The run was interrupted.
    Unfinished,
}

impl Line {
    pub(in crate::ves) fn new(input: String, output: String, outcome: Outcome) -> Self {
        Self {
            input,
            output,
            outcome,
            frames: None,
            size_bytes: None,
            source_bytes: None,
        }
    }

    pub(in crate::ves) fn encoded(input: String, output: String, summary: &Summary) -> Self {
        Self {
            frames: Some(summary.frames),
            size_bytes: Some(summary.size_bytes),
            source_bytes: summary.source_bytes,
            ..Self::new(input, output, Outcome::Encoded)
        }
    }

    fn cells(&self) -> [Cell; 6] {
        let (outcome, tone) = match self.outcome {
            Outcome::Encoded => ("encoded", Tone::Good),
            Outcome::Failed => ("failed", Tone::Bad),
            Outcome::Skipped => ("skipped", Tone::Faint),
            Outcome::Unfinished => ("unfinished", Tone::Notable),
        };
        let or_nothing = Option::unwrap_or_default;
        [
            one_line(&self.input).into(),
            Cell::toned(outcome, tone),
            or_nothing(self.frames.map(|frames| frames.to_string())).into(),
            or_nothing(self.size_bytes.map(|bytes| Size(bytes).to_string())).into(),
            or_nothing(self.share()).into(),
            one_line(&self.output).into(),
        ]
    }

    fn share(&self) -> Option<String> {
        let share = self.size_bytes? as f64 / self.source_bytes?.max(1) as f64;
        Some(format!("{:.0} %", share * 100.0))
    }
}

impl Tally {
    /// Counts what `results` tell.
    pub(in crate::ves) fn of(results: Vec<Line>, elapsed_ms: u64) -> Self {
        let ended = |outcome| {
            results
                .iter()
                .filter(|line| line.outcome == outcome)
                .count() as u64
        };
        Self {
            files: results.len() as u64,
            encoded: ended(Outcome::Encoded),
            failed: ended(Outcome::Failed),
            skipped: ended(Outcome::Skipped),
            unfinished: ended(Outcome::Unfinished),
            elapsed_ms,
            results,
        }
    }

    /// A line each, and one for all.
    pub(super) fn words(&self, paint: Paint) -> String {
        let mut table = Table::new(&[
            Column::cut("FILE"),
            Column::text("RESULT"),
            Column::number("FRAMES"),
            Column::number("SIZE"),
            Column::number("OF SOURCE"),
            Column::cut("OUTPUT"),
        ]);
        self.results.iter().for_each(|line| table.row(line.cells()));
        format!("{}\n{}", table.render(paint), self.in_one_line())
    }

    fn in_one_line(&self) -> String {
        let bytes = self.results.iter().filter_map(|line| line.size_bytes).sum();
        let counts = [
            (self.encoded, "encoded"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.unfinished, "unfinished"),
        ];
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        let counts: Vec<_> = counts
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        format!(
            "{}: {}; {}, {:.1} s",
            count(self.files, "file"),
            counts.join(", "),
            Size(bytes),
            self.elapsed_ms as f64 / 1e3
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_and_one_for_all() {
        let summary = Summary {
            frames: 240,
            size_bytes: 3 << 20,
            source_bytes: Some(6 << 20),
            ..Summary::default()
        };
        let lines = vec![
            Line::encoded("a.mkv".into(), "out/a.mp4".into(), &summary),
            Line::new("b.mkv".into(), "out/b.mp4".into(), Outcome::Failed),
        ];
        let expected = "\
FILE   RESULT   FRAMES     SIZE  OF SOURCE  OUTPUT
a.mkv  encoded     240  3.0 MiB       50 %  out/a.mp4
b.mkv  failed                               out/b.mp4
2 files: 1 encoded, 1 failed; 3.0 MiB, 4.2 s";
        let tally = Tally::of(lines, 4_200);
        assert_eq!(tally.words(Paint::default()), expected);
    }
}
