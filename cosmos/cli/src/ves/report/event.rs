//! What `--json` says: one JSON object a line, told apart by `event`. Fields are only ever added.

use std::io::{self, Write};

use serde::Serialize;

use super::{Summary, Tally};
use crate::ves::dry_run::DryRun;
use crate::ves::validate::Verdict;

/// The documentation of the events, for help and manual.
pub(in crate::ves) const DOCUMENTED: &str = "\
JSON events (--json): one object a line on standard output, told apart by `event`; fields are only
ever added; what is not known is null. Of several files, each names its `input`; of a ladder, `rung`.
  planned      source, output, frames, recipe, container, width, height, pixel_format,
               decoded_pixel_format, filter_graph, encoder_args,
               passes: each stage, purpose, adds,
               chunks: each start, end, preroll_frames,
               tracks: each index, kept, reason (--dry-run)
  accepted     request_id, resumed
  stage        stage, state, elapsed_ms
  progress     chunks, chunks_done, chunks_running, chunks_reused, fraction, frames, frames_done,
               fps, eta_ms, output_bytes, elapsed_ms
  finished     output, request_id, frames, size_bytes, source_bytes, sha256, chunks_encoded,
               chunks_reused, encode_cpu_ms, decode_cpu_ms, elapsed_ms, fps, checks,
               retries, warnings,
               quality: metric, score, lowest_chunk_score (with a quality target)
  validated    video, source, valid, frames, checks, discrepancy_count, elapsed_ms,
               discrepancies: each code, message and, where there are, frames, expected, found
               and consequences, which are discrepancies that follow from it and are not counted
  batch        files, encoded, failed, skipped, unfinished, elapsed_ms,
               results: each input, output, outcome
               and, of what was encoded, frames and size_bytes; the last event
  failed       errors: each class, code, message and, where there is one, field, frames, hint,
               causes
  interrupted  hint
";

/// One line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    Planned(&'a DryRun),
    Accepted {
        request_id: &'a str,
        resumed: bool,
    },
    Stage {
        stage: &'a str,
        state: &'a str,
        elapsed_ms: u64,
    },
    Progress(Progress),
    Finished(&'a Summary),
    Validated(&'a Verdict),
    Batch(&'a Tally),
    Failed {
        errors: &'a [errors::Error],
    },
    Interrupted {
        hint: &'a str,
    },
}

/// How far the encoder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Progress {
    pub chunks: u64,
    pub chunks_done: u64,
    pub chunks_running: u64,
    pub chunks_reused: u64,
    pub fraction: f64,
    pub frames: Option<u64>,
    pub frames_done: Option<u64>,
    pub fps: Option<f64>,
    pub eta_ms: Option<u64>,
    pub output_bytes: u64,
    pub elapsed_ms: u64,
}

/// An event, and which of several files and rungs it is of.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<&'a str>,
}

/// Says it. A reader that went away does not concern the encode.
pub(super) fn emit(event: &Event<'_>, input: Option<&str>, rung: Option<&str>) {
    if let Ok(line) = serde_json::to_string(&Line { event, input, rung }) {
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Names of the documented fields, by event.
    fn documented() -> BTreeMap<String, BTreeSet<String>> {
        let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in DOCUMENTED.lines().skip(2) {
            let (name, fields) = line.split_at(13);
            if !name.trim().is_empty() {
                current = name.trim().to_owned();
            }
            if fields.trim_start().starts_with("and") {
                continue;
            }
            let names = fields.split(':').next().unwrap_or_default().split(',');
            let names = names.map(str::trim).filter(|name| !name.is_empty());
            events
                .entry(current.clone())
                .or_default()
                .extend(names.map(str::to_owned));
        }
        events
    }

    fn check(event: &Event<'_>) {
        let json = serde_json::to_value(event).unwrap();
        let fields = json.as_object().unwrap();
        let name = fields["event"].as_str().unwrap();
        let said: BTreeSet<String> = fields
            .keys()
            .filter(|key| *key != "event")
            .cloned()
            .collect();
        let mut documented = documented().remove(name).unwrap();
        // The parts of an error are described in the same paragraph.
        documented.remove("causes");
        assert_eq!(said, documented, "{name}");
    }

    #[test]
    fn every_field_that_is_said_is_documented_and_the_other_way_round() {
        let (summary, verdict) = (Summary::default(), Verdict::default());
        let (planned, tally) = (DryRun::default(), Tally::default());
        let errors = [errors::Error::user("A", "b")];
        let events = [
            Event::Planned(&planned),
            Event::Accepted {
                request_id: "r",
                resumed: false,
            },
            Event::Stage {
                stage: "encoder",
                state: "running",
                elapsed_ms: 1,
            },
            Event::Progress(Progress::default()),
            Event::Finished(&summary),
            Event::Validated(&verdict),
            Event::Batch(&tally),
            Event::Failed { errors: &errors },
            Event::Interrupted { hint: "h" },
        ];
        events.iter().for_each(check);
        assert_eq!(documented().len(), events.len());
    }
}
