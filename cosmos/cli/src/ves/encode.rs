//! `ves encode`: every role in this process, for one request.

use std::process::ExitCode;

use daemon::{OneShot, OneShotConfig};
use errors::{Class, Error};
use futures::StreamExt;
use optimus::{Caller, Requests, State};
use tokio_util::sync::CancellationToken;
use ves_api::service::VesService;
use ves_api::wire;

use super::args::EncodeArgs;
use super::cache;
use super::job::Job;
use super::place::Places;
use super::report::{Reporter, Summary};
use super::snapshot::Snapshot;
use crate::{logging, signals};

type View = optimus::View<wire::EncodeRequest, wire::EncodeResponse>;

/// How a run can end short of its goal.
enum Stop {
    Failed(Vec<Error>),
    Interrupted,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(vec![error])
    }
}

impl From<Vec<Error>> for Stop {
    fn from(errors: Vec<Error>) -> Self {
        Self::Failed(errors)
    }
}

/// Encodes and says how it went.
pub(super) fn main(args: &EncodeArgs) -> ExitCode {
    logging::start(if args.verbose { "info" } else { "off" });
    let mut reporter = Reporter::new(args.json);
    match run(args, &mut reporter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failed(errors)) => {
            reporter.failed(&errors);
            let class = errors.first().map_or(Class::Platform, |error| error.class);
            ExitCode::from(class.exit_status())
        }
        Err(Stop::Interrupted) => {
            reporter.interrupted();
            ExitCode::from(Class::Canceled.exit_status())
        }
    }
}

fn run(args: &EncodeArgs, reporter: &mut Reporter) -> Result<(), Stop> {
    let places = Places::of(args)?;
    let job = Job::of(args, &places);
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    runtime.block_on(async {
        let summary = encode(args, &places, job, reporter, signals::stop()).await?;
        reporter.finished(&summary);
        Ok(())
    })
}

async fn encode(
    args: &EncodeArgs,
    places: &Places,
    job: Job,
    reporter: &mut Reporter,
    stop: CancellationToken,
) -> Result<Summary, Stop> {
    let resumed = job.state.exists();
    let config = one_shot(args, places, &job);
    let ves = OneShot::start(&config).await.map_err(not_started)?;
    let ended = follow(ves.requests(), job.request, reporter, resumed, &stop).await;
    ves.shutdown().await;
    let view = ended?;
    // The next run of the same command begins anew, from the chunks that are done.
    forget(&config);
    cache::trim(&config.blobs);
    summary(view, places, reporter)
}

fn one_shot(args: &EncodeArgs, places: &Places, job: &Job) -> OneShotConfig {
    let folder = |path: &std::path::Path| path.parent().unwrap_or(path).to_owned();
    OneShotConfig {
        state: job.state.clone(),
        blobs: places.state.join("cache"),
        workers: args.workers.unwrap_or_else(processors),
        source_root: folder(&places.source),
        output_root: folder(&places.output),
    }
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
}

fn not_started(error: anyhow::Error) -> Error {
    Error::platform("NOT_STARTED", format!("{error:#}")).hint(
        "another `ves` may be at the same encode; else see that ffmpeg and ffprobe are installed \
         and that the state folder can be written",
    )
}

/// Submits the request, or finds it again, and reports until it has ended.
async fn follow(
    requests: &Requests<VesService>,
    request: wire::EncodeRequest,
    reporter: &mut Reporter,
    resumed: bool,
    stop: &CancellationToken,
) -> Result<View, Stop> {
    let id = requests.submit(&Caller::default(), request).await?;
    reporter.accepted(&id, resumed);
    let mut views = requests.watch(&id).await?;
    loop {
        let next = tokio::select! {
            next = views.next() => next,
            () = stop.cancelled() => return Err(Stop::Interrupted),
        };
        let view =
            next.ok_or_else(|| Error::platform("LOST", "the request's state was lost"))??;
        reporter.update(Snapshot::of(&view));
        if view.state.is_final() {
            return Ok(view);
        }
    }
}

fn forget(config: &OneShotConfig) {
    if let Err(error) = cache::forget(&config.state) {
        tracing::warn!(%error, state = %config.state.display(), "the state of a finished encode stays");
    }
}

fn summary(view: View, places: &Places, reporter: &Reporter) -> Result<Summary, Stop> {
    if view.state != State::Succeeded {
        let unknown = || Error::platform("NO_REASON", "it ended without a reason");
        return Err(view.error.unwrap_or_else(unknown).into());
    }
    let missing = || Error::platform("NO_OUTPUT", "it ended without an output");
    let video = view
        .response
        .and_then(|response| response.output_video.into_option())
        .ok_or_else(missing)?;
    let encoder = view.stages.iter().find(|stage| stage.name == "encoder");
    let (done, reused) = encoder.map_or((0, 0), |stage| (stage.done, stage.reused));
    let elapsed = reporter.elapsed();
    let sha256 = video
        .blob
        .into_option()
        .map(|blob| blob.digest.replace("sha256/", ""))
        .unwrap_or_default();
    Ok(Summary {
        output: places.output.display().to_string(),
        request_id: view.id,
        frames: video.frames,
        size_bytes: video.size_bytes,
        source_bytes: places.source_bytes,
        sha256,
        chunks_encoded: done.saturating_sub(reused),
        chunks_reused: reused,
        encode_cpu_ms: encoder.map_or(0, |stage| stage.cpu_ms),
        decode_cpu_ms: encoder.map_or(0, |stage| stage.decode_cpu_ms),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        fps: video.frames as f64 / elapsed.as_secs_f64().max(0.001),
        warnings: video.warnings,
        checks: video
            .validation
            .into_option()
            .map(|report| report.checks)
            .unwrap_or_default(),
    })
}
