//! What a run says while it goes on: a bar on a terminal, lines in a log, or JSON.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::snapshot::{Snapshot, Stage};

/// Steps of the bar; finer than a terminal is wide.
const STEPS: u64 = 10_000;

/// How often a log without a terminal gets a line.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// How a run ended well.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Summary {
    pub output: String,
    pub request_id: String,
    pub frames: u64,
    pub size_bytes: u64,
    pub source_bytes: u64,
    pub sha256: String,
    pub chunks_encoded: u64,
    pub chunks_reused: u64,
    pub encode_cpu_ms: u64,
    pub decode_cpu_ms: u64,
    pub elapsed_ms: u64,
    pub fps: f64,
    pub checks: Vec<String>,
    /// What could not be kept.
    pub warnings: Vec<String>,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Accepted {
        request_id: &'a str,
        resumed: bool,
    },
    Stage {
        stage: &'a str,
        state: &'a str,
        elapsed_ms: u64,
    },
    Progress {
        chunks: u64,
        chunks_done: u64,
        chunks_running: u64,
        fraction: f64,
        output_bytes: u64,
        elapsed_ms: u64,
    },
    Finished(&'a Summary),
    Failed {
        errors: &'a [errors::Error],
    },
    Interrupted {
        hint: &'a str,
    },
}

/// Tells people or machines how a run goes.
pub(super) struct Reporter {
    start: Instant,
    shown: Snapshot,
    voice: Voice,
}

enum Voice {
    Bar(ProgressBar),
    Lines { next: Instant },
    Json,
}

impl Reporter {
    /// JSON on request; a bar where standard error is a terminal; else lines.
    pub(super) fn new(json: bool) -> Self {
        let voice = match (json, io::stderr().is_terminal()) {
            (true, _) => Voice::Json,
            (false, true) => Voice::Bar(bar()),
            (false, false) => Voice::Lines {
                next: Instant::now(),
            },
        };
        Self {
            start: Instant::now(),
            shown: Snapshot::default(),
            voice,
        }
    }

    /// The request is durable.
    pub(super) fn accepted(&mut self, request_id: &str, resumed: bool) {
        match &self.voice {
            Voice::Json => emit(&Event::Accepted {
                request_id,
                resumed,
            }),
            _ if resumed => self.say("going on where the last run stopped"),
            _ => {}
        }
    }

    /// Something moved.
    pub(super) fn update(&mut self, now: Snapshot) {
        match &mut self.voice {
            Voice::Json => self.update_json(&now),
            Voice::Bar(bar) => draw(bar, &now, self.start.elapsed()),
            Voice::Lines { next } if Instant::now() >= *next => {
                *next = Instant::now() + LOG_EVERY;
                if let Some(line) = line(&now, self.start.elapsed()) {
                    eprintln!("{line}");
                }
            }
            Voice::Lines { .. } => {}
        }
        self.shown = now;
    }

    fn update_json(&self, now: &Snapshot) {
        let elapsed_ms = millis(self.start.elapsed());
        for stage in &now.stages {
            let before = self.shown.stages.iter().find(|old| old.name == stage.name);
            if before.is_none_or(|old| old.state != stage.state) {
                emit(&Event::Stage {
                    stage: &stage.name,
                    state: &stage.state,
                    elapsed_ms,
                });
            }
        }
        if let Some(encoder) = now
            .encoder()
            .filter(|stage| Some(*stage) != self.shown.encoder())
        {
            emit(&Event::Progress {
                chunks: encoder.total,
                chunks_done: encoder.done,
                chunks_running: encoder.running,
                fraction: encoder.fraction(),
                output_bytes: encoder.output_bytes,
                elapsed_ms,
            });
        }
    }

    /// The output is in its place.
    pub(super) fn finished(&mut self, summary: &Summary) {
        self.clear();
        match &self.voice {
            Voice::Json => emit(&Event::Finished(summary)),
            _ => eprintln!("{}", in_words(summary)),
        }
    }

    /// It went wrong; `errors` is every problem at once.
    pub(super) fn failed(&mut self, errors: &[errors::Error]) {
        self.clear();
        match &self.voice {
            Voice::Json => emit(&Event::Failed { errors }),
            _ => errors.iter().for_each(|error| explain(error, 0)),
        }
    }

    /// Somebody pressed Ctrl-C.
    pub(super) fn interrupted(&mut self) {
        self.clear();
        let hint = "the same command goes on where this one stopped";
        match &self.voice {
            Voice::Json => emit(&Event::Interrupted { hint }),
            _ => eprintln!("interrupted; {hint}"),
        }
    }

    /// Time since the run began.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn say(&self, line: &str) {
        match &self.voice {
            Voice::Bar(bar) => bar.println(line),
            _ => eprintln!("{line}"),
        }
    }

    fn clear(&self) {
        if let Voice::Bar(bar) = &self.voice {
            bar.finish_and_clear();
        }
    }
}

/// A reader that went away does not concern the encode.
fn emit(event: &Event<'_>) {
    if let Ok(line) = serde_json::to_string(event) {
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:10} {wide_bar} {percent:>3} %  {msg}");
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
    bar.set_style(
        style
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─"),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn draw(bar: &ProgressBar, now: &Snapshot, elapsed: Duration) {
    let stage = now.current().map_or("starting", |stage| verb(&stage.name));
    bar.set_prefix(stage.to_owned());
    if let Some(encoder) = now.encoder() {
        bar.set_position((encoder.fraction() * STEPS as f64) as u64);
        bar.set_message(figures(encoder, elapsed));
    }
}

fn line(now: &Snapshot, elapsed: Duration) -> Option<String> {
    let encoder = now.encoder()?;
    let percent = (encoder.fraction() * 100.0) as u32;
    let stage = now.current().map_or("working", |stage| verb(&stage.name));
    Some(format!(
        "{stage} {percent} %, {}",
        figures(encoder, elapsed)
    ))
}

fn figures(encoder: &Stage, elapsed: Duration) -> String {
    let mut parts = vec![format!("{}/{} chunks", encoder.done, encoder.total)];
    // What was reused took no time: speed counts the rest.
    let worked = (encoder.progress - encoder.reused as f64).max(0.0);
    let share = worked / encoder.total as f64;
    if encoder.done > 0 {
        parts.push(HumanBytes(encoder.output_bytes).to_string());
    }
    if share > 0.02 && encoder.fraction() < 1.0 {
        let left = elapsed.as_secs_f64() * (1.0 - encoder.fraction()) / share;
        parts.push(format!(
            "{} left",
            HumanDuration(Duration::from_secs_f64(left.min(1e8)))
        ));
    }
    parts.join(", ")
}

fn verb(stage: &str) -> &'static str {
    match stage {
        "splitter" => "reading",
        "encoder" => "encoding",
        "assembler" => "assembling",
        "validator" => "validating",
        "notifier" => "finishing",
        _ => "working",
    }
}

fn in_words(summary: &Summary) -> String {
    let share = summary.size_bytes as f64 / summary.source_bytes.max(1) as f64 * 100.0;
    let reused = match summary.chunks_reused {
        0 => String::new(),
        count => format!(", {count} chunks reused"),
    };
    let warnings = summary
        .warnings
        .iter()
        .map(|it| format!("\nwarning: {}", it.escape_debug()));
    let warnings: String = warnings.collect();
    format!(
        "{}: {} frames, {} ({share:.0} % of the source), {:.0} fps, {:.1} s{reused}; valid: {}{warnings}",
        summary.output,
        summary.frames,
        HumanBytes(summary.size_bytes),
        summary.fps,
        summary.elapsed_ms as f64 / 1e3,
        summary.checks.join(", "),
    )
}

/// Foreign text may hold terminal control sequences: they are shown, not obeyed.
fn explain(error: &errors::Error, depth: usize) {
    let indent = "  ".repeat(depth);
    let place = error
        .field
        .as_deref()
        .map(|field| format!("{field}: "))
        .unwrap_or_default();
    let label = if depth == 0 { "error: " } else { "because: " };
    eprintln!(
        "{indent}{label}{}{} [{}]",
        printable(&place),
        printable(&error.message),
        printable(&error.code)
    );
    if let Some(hint) = &error.hint {
        eprintln!("{indent}  help: {}", printable(hint));
    }
    error
        .causes
        .iter()
        .take(20)
        .for_each(|cause| explain(cause, depth + 1));
}

/// `text` with control characters made visible.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() && c != '\n' {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn figures_count_only_the_work_of_this_run() {
        let half_reused = figures(&encoder(10, 6, 6.0, 5), Duration::from_secs(10));
        assert!(
            half_reused.starts_with("6/10 chunks, 2.00 KiB, 40 seconds left"),
            "{half_reused}"
        );
    }

    #[test]
    fn nothing_is_promised_before_anything_is_known() {
        assert_eq!(
            figures(&encoder(10, 0, 0.0, 0), Duration::ZERO),
            "0/10 chunks"
        );
        assert_eq!(line(&Snapshot::default(), Duration::ZERO), None);
    }

    #[test]
    fn control_sequences_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
    }
}
