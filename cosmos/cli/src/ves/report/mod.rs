//! What a run says while it goes on: a bar on a terminal, lines in a log, JSON, or nothing.

mod event;
mod figures;
mod pace;
mod tally;

pub(super) use event::DOCUMENTED;
pub(super) use pace::Pace;
pub(super) use tally::{Line, Outcome, Tally};

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use errors::Class;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use ves_api::wire;

use self::event::{Event, Progress, emit};
use super::dry_run::DryRun;
use super::quality::Quality;
use super::shared_args::ReportArgs;
use super::snapshot::{Snapshot, Stage};
use super::validate::Verdict;
use crate::colour::Paint;
use crate::explain::{explain, one_line, printable};
use crate::output::status;
use crate::pages;
use crate::stop::Stop;

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
    pub source_bytes: Option<u64>,
    pub sha256: String,
    pub chunks_encoded: u64,
    pub chunks_reused: u64,
    pub encode_cpu_ms: u64,
    pub decode_cpu_ms: u64,
    pub elapsed_ms: u64,
    pub fps: f64,
    pub checks: Vec<String>,
    /// Tries that failed and were made again.
    pub retries: u64,
    /// What could not be kept, one sentence each.
    pub warnings: Vec<String>,
    /// What was measured, where a quality was asked for.
    pub quality: Option<Quality>,
}

impl Summary {
    /// Of an encoded video, as the API tells it.
    pub(super) fn of(request_id: String, video: wire::OutputVideo, elapsed: Duration) -> Self {
        let digest = video.blob.into_option().map(|blob| blob.digest);
        let quality = video.quality.as_option().and_then(Quality::of);
        let checks = video.validation.into_option().map(|report| report.checks);
        Self {
            output: video.uri,
            request_id,
            frames: video.frames,
            size_bytes: video.size_bytes,
            source_bytes: None,
            sha256: digest.unwrap_or_default().replace("sha256/", ""),
            chunks_encoded: video.chunks_encoded,
            chunks_reused: video.chunks_reused,
            encode_cpu_ms: video.encode_cpu_ms,
            decode_cpu_ms: video.decode_cpu_ms,
            elapsed_ms: figures::millis(elapsed),
            fps: video.frames as f64 / elapsed.as_secs_f64().max(0.001),
            checks: checks.unwrap_or_default(),
            retries: video.retries,
            warnings: video.warnings,
            quality,
        }
    }
}

/// Tells people or machines how a run goes.
pub(super) struct Reporter {
    start: Instant,
    shown: Snapshot,
    pace: Pace,
    frames: Option<u64>,
    voice: Voice,
    paint: Paint,
    /// Which of several files this is about, and which rung of a ladder.
    input: Option<String>,
    rung: Option<String>,
}

enum Voice {
    Bar(ProgressBar),
    Lines { next: Instant },
    Json,
    Quiet,
}

impl Reporter {
    /// As asked for; else a bar where standard error is a terminal, and lines where it is none.
    pub(super) fn new(args: &ReportArgs, paint: Paint) -> Self {
        let voice = match (args.json, args.quiet) {
            (true, _) => Voice::Json,
            (_, true) => Voice::Quiet,
            _ if io::stderr().is_terminal() => Voice::Bar(bar()),
            _ => Voice::Lines {
                next: Instant::now(),
            },
        };
        Self {
            start: Instant::now(),
            shown: Snapshot::default(),
            pace: Pace::default(),
            frames: None,
            voice,
            paint,
            input: None,
            rung: None,
        }
    }

    /// Of one of several files: machines are told of each, people of all together.
    pub(super) fn of_one(args: &ReportArgs, input: &str, rung: Option<&str>) -> Self {
        let voice = if args.json { Voice::Json } else { Voice::Quiet };
        Self {
            start: Instant::now(),
            shown: Snapshot::default(),
            pace: Pace::default(),
            frames: None,
            voice,
            paint: Paint::default(),
            input: Some(input.to_owned()),
            rung: rung.map(str::to_owned),
        }
    }

    fn emit(&self, event: &Event<'_>) {
        emit(event, self.input.as_deref(), self.rung.as_deref());
    }

    /// How many frames there are, roughly: speed is told in frames from now on.
    pub(super) fn set_frames(&mut self, frames: Option<u64>) {
        self.frames = frames;
    }

    /// The request is durable.
    pub(super) fn accepted(&mut self, request_id: &str, resumed: bool) {
        match &self.voice {
            Voice::Json => self.emit(&Event::Accepted {
                request_id,
                resumed,
            }),
            _ if resumed => self.say("going on where the last run stopped"),
            _ => {}
        }
    }

    /// A server has it.
    pub(super) fn submitted(&mut self, request_id: &str) {
        match &self.voice {
            Voice::Json => self.accepted(request_id, false),
            // Somebody may want to go on with it.
            Voice::Bar(bar) => bar.suspend(|| println!("{}", one_line(request_id))),
            Voice::Lines { .. } | Voice::Quiet => println!("{}", one_line(request_id)),
        }
    }

    /// Something moved.
    pub(super) fn update(&mut self, now: Snapshot) {
        let elapsed = self.start.elapsed();
        let work = now.work();
        if let Some(work) = work {
            // What was reused took no time.
            let worked = work.progress - work.reused as f64;
            self.pace.saw(elapsed, worked);
        }
        let progress = work.map(|work| figures::progress(work, self.frames, &self.pace, elapsed));
        match &mut self.voice {
            Voice::Json => self.update_json(&now, progress),
            Voice::Bar(bar) => draw(bar, &now, progress.as_ref()),
            Voice::Lines { next } if Instant::now() >= *next => {
                if let Some(line) = figures::line(&now, progress.as_ref()) {
                    *next = Instant::now() + LOG_EVERY;
                    eprintln!("{line}");
                }
            }
            Voice::Lines { .. } | Voice::Quiet => {}
        }
        self.shown = now;
    }

    fn update_json(&self, now: &Snapshot, progress: Option<Progress>) {
        let elapsed_ms = figures::millis(self.start.elapsed());
        for stage in &now.stages {
            let before = self.shown.stages.iter().find(|old| old.name == stage.name);
            if before.is_none_or(|old| old.state != stage.state) {
                self.emit(&Event::Stage {
                    stage: &stage.name,
                    state: &stage.state,
                    elapsed_ms,
                });
            }
        }
        if now.work() != self.shown.work() {
            let progress = progress.map(Event::Progress);
            progress.iter().for_each(|progress| self.emit(progress));
        }
    }

    /// How far several files are together, 0 to 1, and the figures in words.
    pub(super) fn overall(&mut self, verb: &str, fraction: f64, words: &str) {
        match &mut self.voice {
            Voice::Bar(bar) => {
                bar.set_prefix(verb.to_owned());
                bar.set_position((fraction * STEPS as f64) as u64);
                bar.set_message(words.to_owned());
            }
            Voice::Lines { next } if Instant::now() >= *next => {
                *next = Instant::now() + LOG_EVERY;
                eprintln!("{verb} {} %, {words}", (fraction * 100.0) as u32);
            }
            Voice::Lines { .. } | Voice::Json | Voice::Quiet => {}
        }
    }

    /// One of several files is in its place.
    pub(super) fn ended_one(&self, summary: &Summary) {
        self.say(&printable(&figures::summary(summary)));
    }

    /// What could not be kept of one of several files.
    pub(super) fn warnings(&self, input: &str, warnings: &[String]) {
        for warning in warnings {
            self.say(&one_line(&format!("{input}: warning: {warning}")));
        }
    }

    /// What is wrong with one of several files; the others go on.
    pub(super) fn problems(&self, input: &str, errors: &[errors::Error]) {
        let text = format!("{}:\n{}", one_line(input), explain(errors, self.paint));
        match &self.voice {
            Voice::Bar(bar) => bar.suspend(|| eprint!("{text}")),
            Voice::Lines { .. } | Voice::Quiet => eprint!("{text}"),
            Voice::Json => {}
        }
    }

    /// It went wrong; people are told elsewhere.
    pub(super) fn failed_for_machines(&self, errors: &[errors::Error]) {
        if matches!(self.voice, Voice::Json) {
            self.emit(&Event::Failed { errors });
        }
    }

    /// How several files ended.
    pub(super) fn tallied(&mut self, tally: &Tally) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Batch(tally)),
            Voice::Quiet => {}
            _ => eprintln!("{}", tally.words(self.paint)),
        }
    }

    /// The output is in its place.
    pub(super) fn finished(&mut self, summary: &Summary) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Finished(summary)),
            Voice::Quiet => {}
            _ => eprintln!("{}", printable(&figures::summary(summary))),
        }
    }

    /// What an encode would be, as the answer that was asked for.
    pub(super) fn planned(&mut self, run: &DryRun, paint: Paint) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Planned(run)),
            Voice::Quiet => {}
            // A reader that went away wants no more.
            _ => drop(pages::show(format!("{}\n", run.words(paint)).as_bytes())),
        }
    }

    /// A video has been judged; `words` says so to people, as the answer that they asked for.
    pub(super) fn validated(&mut self, verdict: &Verdict, words: &str) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Validated(verdict)),
            Voice::Quiet if verdict.valid => {}
            // A reader that went away wants no more.
            _ => drop(pages::show(format!("{words}\n").as_bytes())),
        }
    }

    /// The exit status of a run that is over; what kept it from its goal is told. `hint` says how
    /// it goes on after an interruption.
    pub(super) fn ended(&mut self, done: Result<(), Stop>, hint: &str) -> ExitCode {
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(Stop::Told(errors)) => status(&errors),
            Err(Stop::Failed(errors)) => {
                self.failed(&errors);
                status(&errors)
            }
            Err(Stop::Interrupted) => {
                self.interrupted(hint);
                ExitCode::from(Class::Canceled.exit_status())
            }
        }
    }

    /// It went wrong; `errors` is every problem at once.
    fn failed(&mut self, errors: &[errors::Error]) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Failed { errors }),
            _ => eprint!("{}", explain(errors, self.paint)),
        }
    }

    /// Somebody pressed Ctrl-C, and what is under way is being ended.
    pub(super) fn stopping(&mut self) {
        if matches!(self.voice, Voice::Bar(_) | Voice::Lines { .. }) {
            self.clear();
            eprintln!("stopping; press Ctrl-C again to end at once");
        }
    }

    /// It stopped; `hint` says how it goes on.
    fn interrupted(&mut self, hint: &str) {
        self.clear();
        match &self.voice {
            Voice::Json => self.emit(&Event::Interrupted { hint }),
            Voice::Quiet => {}
            _ => eprintln!("interrupted; {hint}"),
        }
    }

    /// Time since the run began.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Something by the way, for people.
    pub(super) fn say(&self, line: &str) {
        match &self.voice {
            Voice::Bar(bar) => bar.println(line),
            Voice::Lines { .. } => eprintln!("{line}"),
            Voice::Json | Voice::Quiet => {}
        }
    }

    fn clear(&self) {
        if let Voice::Bar(bar) = &self.voice {
            bar.finish_and_clear();
        }
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

fn draw(bar: &ProgressBar, now: &Snapshot, progress: Option<&Progress>) {
    bar.set_prefix(figures::verb(now));
    let source = now.source_decode().map(Stage::fraction);
    let fraction = progress.map(|progress| progress.fraction).or(source);
    if let Some(fraction) = fraction {
        bar.set_position((fraction * STEPS as f64) as u64);
    }
    if let Some(progress) = progress {
        bar.set_message(figures::in_words(progress));
    }
}
