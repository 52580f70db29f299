//! `cosmos shapes calibrate`: a function, measured over a grid of shapes.

pub(super) mod args;
mod bench;
mod grid;
mod machine;
mod plots;
mod report;
mod samples;
mod write;

use std::sync::Arc;

use errors::Error;
use stratum::Package;
use stratum_calibration::{Doubt, Measured, Proposal, Size, Terms, doubts, propose};

use self::args::CalibrateArgs;
use self::bench::Bench;
use self::machine::Machine;
use self::report::{Report, Subject};
use self::samples::Ready;
use crate::cosmos::function::Desk;
use crate::cosmos::function::find::{Found, find};
use crate::signals;
use crate::stop::Stop;

/// What follows from the measurements.
struct Verdict {
    doubts: Vec<Doubt>,
    /// With its YAML; or why there is none.
    proposal: Result<(Proposal, String), Vec<Error>>,
}

pub(super) async fn calibrate(desk: &Desk, args: &CalibrateArgs) -> Result<(), Stop> {
    let stop = signals::stop();
    let package = alone(args)?;
    let (samples, sizes) = checked(args, &package)?;
    let subject = Subject::of(&package);
    let folder = tempfile::Builder::new().prefix("cosmos-shapes-").tempdir();
    let folder = folder.map_err(|error| Error::platform("STAGING_FAILED", error.to_string()))?;
    let docker = args.engine.docker.0.as_path();
    let bench = Bench::start(folder.path(), package, samples, sizes, args.runs, docker);
    let mut bench = bench.await?;
    let measured = tokio::select! {
        measured = bench.measure() => measured.map_err(Stop::from),
        () = stop.cancelled() => Err(Stop::Interrupted),
    };
    bench.shutdown().await;
    let measured = measured?;
    let verdict = verdict(args, &subject, &measured);
    if let Some(folder) = &args.plots {
        write::plots(folder, &plots::all(&subject.function, &measured))?;
    }
    tell(desk, args, &subject, &measured, &verdict)
}

/// The function, and no other owner of it.
fn alone(args: &CalibrateArgs) -> Result<Package, Error> {
    let at = &args.installation;
    let Found { package, registry } = find(&args.function, at.config.as_deref(), &at.services)?;
    drop(registry);
    let alone = Arc::into_inner(package);
    alone.ok_or_else(|| Error::platform("TRIAL_FAILED", "the function is in use"))
}

/// Everything about the request that can be wrong.
fn checked(args: &CalibrateArgs, package: &Package) -> Result<(Vec<Ready>, Vec<Size>), Vec<Error>> {
    let samples = samples::all(args, &package.function);
    let sizes = grid::sizes(args, Machine::here());
    let output = args.output.as_deref().map(write::is_new).transpose();
    match (samples, sizes, output) {
        (Ok(samples), Ok(sizes), Ok(_)) => Ok((samples, sizes)),
        (samples, sizes, output) => {
            let problems = [
                samples.err(),
                sizes.err(),
                output.err().map(|one| vec![one]),
            ];
            Err(problems.into_iter().flatten().flatten().collect())
        }
    }
}

fn verdict(args: &CalibrateArgs, subject: &Subject, measured: &Measured) -> Verdict {
    let terms = Terms {
        headroom_percent: args.headroom,
        faster_percent: args.faster,
    };
    let doubts = doubts(measured);
    let proposal = match propose(measured, terms) {
        Err(refused) => Err(refused.iter().map(|why| unfit(&why.to_string())).collect()),
        Ok(_) if !doubts.is_empty() && !args.anyway => Err(vec![unsure(&doubts)]),
        Ok(proposal) => {
            let yaml = proposal.yaml(&remarks(subject, measured, &doubts, &proposal));
            Ok((proposal, yaml))
        }
    };
    Verdict { doubts, proposal }
}

fn unfit(why: &str) -> Error {
    Error::user("NO_SHAPE_WILL_DO", why)
        .at("--memory")
        .hint("try larger shapes, or less --headroom")
}

fn unsure(doubts: &[Doubt]) -> Error {
    let message = "the measurements are not worth believing, and nothing is proposed";
    let error = Error::platform("UNSURE", message).hint(
        "measure again: on a quiet machine, with more --runs or longer samples; --anyway proposes \
         nevertheless",
    );
    let causes = doubts.iter().map(|doubt| {
        let code = doubt.why.code();
        Error::platform(code, doubt.to_string())
    });
    causes.fold(error, Error::caused_by)
}

/// What whoever reads the proposal should know.
fn remarks(
    subject: &Subject,
    measured: &Measured,
    doubts: &[Doubt],
    proposal: &Proposal,
) -> Vec<String> {
    let Subject {
        function, version, ..
    } = subject;
    let (runs, samples) = (measured.runs.len(), measured.samples.len());
    let mut remarks = vec![format!(
        "{function} {version}: by {runs} runs of {samples} samples in {} shapes. The last rule is \
         for what was not measured, too.",
        measured.sizes.len()
    )];
    let alike = proposal.alike.iter();
    remarks.extend(alike.map(|names| {
        let names = names.join(", ");
        format!("No attribute tells apart {names}: their shape is one for all of them.")
    }));
    remarks.extend(doubts.iter().map(|doubt| format!("DOUBTFUL: {doubt}")));
    remarks
}

/// The figures are told whatever follows from them.
fn tell(
    desk: &Desk,
    args: &CalibrateArgs,
    subject: &Subject,
    measured: &Measured,
    verdict: &Verdict,
) -> Result<(), Stop> {
    let report = Report::of(subject, args.runs, measured, verdict);
    desk.output.result(&report, || report.in_words(desk.paint));
    match &verdict.proposal {
        Ok((_, yaml)) => match &args.output {
            Some(file) => Ok(write::new(file, yaml)?),
            None => Ok(()),
        },
        Err(errors) => {
            if !desk.json {
                desk.output.failed(errors);
            }
            Err(Stop::Told(errors.clone()))
        }
    }
}
