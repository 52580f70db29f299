//! `ves encode`: every role in this process, for one request.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clock::{Clock, SystemClock};
use daemon::{OneShot, OneShotConfig};
use errors::{Class, Error};
use optimus::{Caller, State};
use stratum::LoadError;
use tokio_util::sync::CancellationToken;
use ves_api::wire;

use super::args::EncodeArgs;
use super::batch::{self, Several, Task};
use super::cache::{self, CACHE, InUse, Note};
use super::dry_run::{self, dry_run};
use super::follow::follow;
use super::frames;
use super::job::{self, Job};
use super::ladder::{self, Ladder};
use super::machine;
use super::place::{Places, made_state_folder};
use super::remote_source;
use super::report::{Reporter, Summary};
use crate::colour::{ColourChoice, Paint};
use crate::stop::Stop;
use crate::{logging, signals};

/// What is not ours.
const MEDIA_TOOLS: [&str; 2] = ["ffmpeg", "ffprobe"];

pub(super) type View = optimus::View<wire::EncodeRequest, wire::EncodeResponse>;

/// Encodes and says how it went.
pub(super) fn main(args: &EncodeArgs, colour: ColourChoice) -> ExitCode {
    logging::start(args.report.log_level(), colour);
    let paint = Paint::for_errors(colour);
    if let Some(ladder) = &args.ladder {
        return of_ladder(args, ladder, colour);
    }
    let several = match Several::of(args) {
        Ok(several) => several,
        Err(problems) => {
            let mut reporter = Reporter::new(&args.report, paint);
            return reporter.ended(Err(problems.into()), "nothing was begun");
        }
    };
    if let Err(problem) = machine::check([job::recipe(&args.recipe, None)]) {
        let mut reporter = Reporter::new(&args.report, paint);
        return reporter.ended(Err(problem.into()), "nothing was begun");
    }
    if args.run.dry_run {
        let mut reporter = Reporter::new(&args.report, paint);
        let planned = planned(args, &several, &mut reporter, Paint::for_output(colour));
        return reporter.ended(planned, "nothing was begun");
    }
    match several.only().filter(|_| !args.run.skip_existing) {
        None => batch::main(args, &several, paint),
        Some(task) => {
            let mut reporter = Reporter::new(&args.report, paint);
            let done = run(args, task, &mut reporter);
            reporter.ended(done, "the same command goes on where this one stopped")
        }
    }
}

fn of_ladder(args: &EncodeArgs, ladder: &str, colour: ColourChoice) -> ExitCode {
    let paint = Paint::for_errors(colour);
    let mut reporter = Reporter::new(&args.report, paint);
    let ladder = match Ladder::of(ladder, &args.recipe, &args.inputs, &args.output) {
        Ok(ladder) => ladder,
        Err(problems) => return reporter.ended(Err(problems.into()), "nothing was begun"),
    };
    if let Err(problem) = machine::check(ladder.recipes()) {
        return reporter.ended(Err(problem.into()), "nothing was begun");
    }
    if !args.run.dry_run {
        return ladder::main(args, &ladder, paint);
    }
    let planned = dry_run::of_ladder(args, &ladder).map(|rungs| {
        let paint = Paint::for_output(colour);
        rungs.iter().for_each(|rung| reporter.planned(rung, paint));
    });
    reporter.ended(planned, "nothing was begun")
}

fn planned(
    args: &EncodeArgs,
    several: &Several,
    reporter: &mut Reporter,
    paint: Paint,
) -> Result<(), Stop> {
    for task in &several.tasks {
        let run = dry_run(args, task)?;
        reporter.planned(&run, paint);
    }
    Ok(())
}

fn run(args: &EncodeArgs, task: &Task, reporter: &mut Reporter) -> Result<(), Stop> {
    let (source, output) = task.files.clone()?;
    let state = made_state_folder(args.state.state.as_deref())?;
    let places = Places {
        source,
        output,
        state,
    };
    let job = Job::of(&args.recipe, args.run.overwrite, &places);
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let in_use = InUse::begin(&places.state).map_err(|e| not_noted(&places.state, &e))?;
    let summary = runtime.block_on(encode(args, &places, job, reporter, signals::stop))?;
    drop(in_use);
    cache::trim_by_itself(&places.state);
    reporter.finished(&summary);
    Ok(())
}

async fn encode(
    args: &EncodeArgs,
    places: &Places,
    job: Job,
    reporter: &mut Reporter,
    listen: impl FnOnce() -> CancellationToken,
) -> Result<Summary, Stop> {
    let stop = listen();
    let resumed = job.state.exists();
    let config = one_shot(args, places, &job)?;
    cache::leave_note(&job.state, &note(places)).map_err(|e| not_noted(&places.state, &e))?;
    let ves = OneShot::encode(&config).await.map_err(not_started)?;
    tokio::select! {
        frames = frames::of_source(&places.source) => reporter.set_frames(frames),
        () = stop.cancelled() => {}
    }
    let caller = Caller::default();
    let ended = match ves.requests().submit(&caller, job.request).await {
        Ok(id) => {
            reporter.accepted(&id, resumed);
            follow(ves.requests(), &id, &mut |now| reporter.update(now), &stop).await
        }
        Err(problems) => Err(problems.into()),
    };
    if matches!(ended, Err(Stop::Interrupted)) {
        reporter.stopping();
    }
    ves.shutdown().await;
    if !resumed && is_refused(&ended) {
        // There is nothing to go on with.
        forget(&config);
    }
    let view = ended?;
    // The next run of the same command begins anew, from the chunks that are done.
    forget(&config);
    summary(view, places, reporter.elapsed())
}

/// Whether the request itself was wrong, so that it was never accepted.
pub(super) fn is_refused<T>(ended: &Result<T, Stop>) -> bool {
    matches!(ended, Err(Stop::Failed(errors)) if errors.iter().all(|e| e.class == Class::User))
}

fn note(places: &Places) -> Note {
    Note {
        input: places.source.path.display().to_string(),
        output: places.output.display().to_string(),
        began_unix_ms: SystemClock.now().unix_ms(),
    }
}

pub(super) fn not_noted(state: &Path, error: &std::io::Error) -> Error {
    let folder = state.display();
    Error::platform("STATE_FOLDER", format!("{folder} cannot be used: {error}"))
        .hint("name another folder with --state, on a disk with room for the chunks")
}

fn one_shot(args: &EncodeArgs, places: &Places, job: &Job) -> Result<OneShotConfig, Error> {
    let folder = |path: &Path| path.parent().unwrap_or(path).to_owned();
    Ok(OneShotConfig {
        state: job.state.clone(),
        blobs: places.state.join(CACHE),
        workers: args.run.workers.unwrap_or_else(processors),
        source_roots: places.source.folder().into_iter().collect(),
        servers: remote_source::servers([&places.source])?,
        output_roots: vec![folder(&places.output)],
        keep_ended: None,
    })
}

pub(super) fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
}

pub(super) fn not_started(error: anyhow::Error) -> Error {
    if let Some(lacking) = error.downcast_ref::<LoadError>() {
        return not_loaded(lacking);
    }
    if format!("{error:#}").contains("is in use by another process") {
        return Error::platform("ALREADY_RUNNING", "another `ves` is at this very encode")
            .hint("wait for it; or end it, and the same command goes on where it stopped");
    }
    Error::platform("NOT_STARTED", format!("{error:#}"))
        .hint("see that ffmpeg and ffprobe are installed and that the state folder can be written")
}

/// Media tools are installed by people; what belongs to us comes with us.
fn not_loaded(lacking: &LoadError) -> Error {
    let is_tool = |name: &OsStr| MEDIA_TOOLS.iter().any(|tool| name == *tool);
    let of_others = match lacking {
        LoadError::NoProgram { program, .. } => is_tool(program.as_ref()),
        LoadError::Io { path, .. } => path.file_name().is_some_and(is_tool),
        LoadError::Declaration { .. }
        | LoadError::Twice(_)
        | LoadError::Manifest(_)
        | LoadError::OtherTool { .. } => false,
    };
    let (what, hint) = match lacking {
        _ if of_others => (
            "a tool is missing",
            "install ffmpeg with ffprobe (Debian: apt install ffmpeg), then ask again",
        ),
        LoadError::NoProgram { .. } => (
            "a program of this installation is missing",
            "put it beside `ves`, of the same version: install all programs together, again",
        ),
        _ => (
            "a function of this installation cannot be used",
            "install all programs together, again",
        ),
    };
    Error::platform("NO_ENCODER", format!("{what}: {lacking}")).hint(hint)
}

pub(super) fn forget(config: &OneShotConfig) {
    if let Err(error) = cache::forget(&config.state) {
        tracing::warn!(%error, state = %config.state.display(), "the state of a finished encode stays");
    }
}

/// What a request ended with.
pub(super) fn summary(view: View, places: &Places, elapsed: Duration) -> Result<Summary, Stop> {
    if view.state != State::Succeeded {
        let unknown = || Error::platform("NO_REASON", "it ended without a reason");
        return Err(view.error.unwrap_or_else(unknown).into());
    }
    let video = view
        .response
        .and_then(|response| response.output_video.into_option())
        .ok_or_else(|| Error::platform("NO_OUTPUT", "it ended without an output"))?;
    Ok(Summary {
        output: places.output.display().to_string(),
        source_bytes: Some(places.source.bytes),
        ..Summary::of(view.id, video, elapsed)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_would_do_goes_by_whose_program_is_missing() {
        let hint = |program: &str| {
            let lacking = LoadError::NoProgram {
                function: stratum::FunctionName::new("ves-avc").unwrap(),
                program: program.into(),
                places: vec![],
            };
            not_started(lacking.into()).hint.unwrap()
        };
        assert!(hint("ffprobe").contains("apt install ffmpeg"));
        let unread = LoadError::Io {
            path: "/usr/bin/ffmpeg".into(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        let unread = not_started(unread.into()).hint.unwrap();
        assert!(unread.contains("apt install ffmpeg"));
        assert!(!hint("ves-avc").contains("ffmpeg") && hint("ves-avc").contains("beside `ves`"));
    }
}
