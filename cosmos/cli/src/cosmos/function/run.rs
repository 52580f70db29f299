//! `cosmos function run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon::Trial;
use errors::{Class, Error};
use indicatif::{ProgressBar, ProgressStyle};
use stratum::{InvocationResult, Package};

use super::args::RunArgs;
use super::find::{Found, find};
use super::inputs::{self, LocalFile};
use super::report::Report;
use super::{Desk, invocation, keep};
use crate::output::Output;
use crate::signals;
use crate::stop::Stop;

/// Steps of the bar on a terminal.
const STEPS: u64 = 1_000;

/// What came of it.
struct Ran {
    result: InvocationResult,
    log: Option<String>,
    /// Where outputs were kept.
    kept: Vec<PathBuf>,
}

pub(super) async fn run(desk: &Desk, args: &RunArgs) -> Result<(), Stop> {
    let stop = signals::stop();
    let Found { package, registry } = find(&args.function, args.config.as_deref(), &args.services)?;
    let files = checked(&package, args)?;
    let attributes = args.given.attributes();
    let choice = package
        .function
        .routing
        .decide(&attributes)
        .map_err(|why| {
            Error::user("NO_SHAPE", why.to_string())
                .at("--attribute")
                .hint("the rules are in function.yaml, below `routing`")
        })?;
    let folder = tempfile::Builder::new()
        .prefix("cosmos-function-")
        .tempdir();
    let folder = folder.map_err(|error| Error::platform("STAGING_FAILED", error.to_string()))?;
    let image = package.function.image.as_ref();
    let docker = image.map(|_| args.engine.docker.0.as_path());
    let trial = Trial::start(folder.path(), registry, choice.shape, docker).await;
    let trial = trial.map_err(failed)?;
    let ran = tokio::select! {
        ran = attempt(&trial, &package, args, files, attributes.clone(), folder.path()) => ran.map_err(Stop::from),
        () = stop.cancelled() => Err(Stop::Interrupted),
    };
    trial.shutdown().await;
    let ran = ran?;
    let report = Report::of(&package, choice, &ran.result, ran.log.as_deref(), &ran.kept);
    tell(desk, &report, &ran.result)
}

/// Everything about the request that can be wrong.
fn checked(package: &Package, args: &RunArgs) -> Result<Vec<LocalFile>, Vec<Error>> {
    let output = args.output.as_deref().map(keep::empty).transpose();
    match (inputs::local(&package.function, &args.given), output) {
        (Ok(files), Ok(_)) => Ok(files),
        (files, output) => {
            let problems = files.err().into_iter().flatten();
            Err(problems.chain(output.err()).collect())
        }
    }
}

async fn attempt(
    trial: &Trial,
    package: &Arc<Package>,
    args: &RunArgs,
    files: Vec<LocalFile>,
    attributes: BTreeMap<String, String>,
    scratch: &Path,
) -> Result<Ran, Error> {
    let blobs = trial.blobs();
    let inputs = inputs::put(files, blobs, &args.given).await?;
    let invocation = invocation::of(package, &args.given, inputs, attributes);
    let bar = bar();
    let result = trial.run(invocation, |done| bar.set_position(position(done)));
    let result = result.await.map_err(failed)?;
    bar.finish_and_clear();
    let kept = match (&args.output, &result.outcome) {
        (Some(folder), Ok(value)) => keep::keep(folder, value, blobs, scratch).await?,
        _ => vec![],
    };
    let log = match &result.log {
        Some(log) => blobs.get(log, log.size).await.ok(),
        None => None,
    };
    Ok(Ran {
        log: log.map(|log| String::from_utf8_lossy(&log).into_owned()),
        result,
        kept,
    })
}

/// Seen on a terminal alone.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent} %  {elapsed}");
    ProgressBar::new(STEPS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn position(done: f64) -> u64 {
    (done.clamp(0.0, 1.0) * STEPS as f64) as u64
}

fn failed(why: anyhow::Error) -> Error {
    Error::new(Class::Platform, "TRIAL_FAILED", format!("{why:#}"))
}

/// The report is told however it ended; in words, its error after it.
fn tell(desk: &Desk, report: &Report, result: &InvocationResult) -> Result<(), Stop> {
    desk.output.result(report, || report.in_words(desk.paint));
    let Err(error) = &result.outcome else {
        return Ok(());
    };
    tell_error(&desk.output, desk.json, error);
    Err(Stop::Told(vec![error.clone()]))
}

fn tell_error(output: &Output, json: bool, error: &Error) {
    if !json {
        output.failed(std::slice::from_ref(error));
    }
}
