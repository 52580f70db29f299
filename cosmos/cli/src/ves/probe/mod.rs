//! `ves probe`: what a source is, what is unusual about it, and what would be done with it.

mod facts;
mod plan;
mod timing;
mod unusual;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use errors::Error;
use serde::Serialize;
use stratum_frames::Examined;
use ves_api::recipe::{Problems, Recipe};

use self::facts::Facts;
use self::plan::Planned;
use self::unusual::Oddity;
use super::args::RecipeArgs;
use super::job;
use super::place::Source;
use super::plan::{Plan, examined};
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// Settings of `ves probe`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProbeArgs {
    /// Video file to look at; it is only read
    #[arg(value_name = "FILE")]
    pub input: PathBuf,

    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// Report as JSON on standard output, one document
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  ves probe film.mkv
  ves probe film.mkv --crf 20 --chunk 120f      what `ves encode` would do with these settings
  ves probe film.mkv --json | jq .unusual

The file is read by ffprobe in a sandbox, without network. A file whose index cannot be trusted
is decoded once to count its frames. Exit status as of `ves encode`.";

/// The answer.
#[derive(Debug, Serialize)]
struct Probe {
    source: Facts,
    unusual: Vec<Oddity>,
    /// `null` when it cannot be done; `errors` says why.
    plan: Option<Planned>,
    errors: Vec<Error>,
}

/// `ves probe FILE`
pub(super) fn main(args: &ProbeArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = run(args, &output, Paint::for_output(colour));
    ended(done, &output)
}

fn run(args: &ProbeArgs, output: &Output, paint: Paint) -> Result<(), Stop> {
    let (source, recipe) = understood(args)?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let examined = runtime.block_on(examined(&source))?;
    let probe = Probe::of(&source, &examined, recipe);
    output.result(&probe, || words::of(&probe, paint));
    match probe.errors.is_empty() {
        true => Ok(()),
        false => Err(Stop::Told(probe.errors)),
    }
}

/// The file and the recipe; every problem of both at once.
fn understood(args: &ProbeArgs) -> Result<(Source, Recipe), Vec<Error>> {
    let source = Source::at(&args.input);
    let recipe = Recipe::try_from(job::recipe(&args.recipe, None));
    match (source, recipe) {
        (Ok(source), Ok(recipe)) => Ok((source, recipe)),
        (source, recipe) => {
            let wrong = recipe.err().map(|Problems(wrong)| wrong);
            let problems = source.err().into_iter().chain(wrong.into_iter().flatten());
            Err(problems.collect())
        }
    }
}

impl Probe {
    fn of(source: &Source, examined: &Examined, recipe: Recipe) -> Self {
        let (plan, errors) = match Plan::of(recipe, examined) {
            Ok(plan) => (Some(Planned::from(plan)), vec![]),
            Err(error) => (None, vec![error]),
        };
        Self {
            source: Facts::of(source, examined),
            unusual: unusual::of(examined),
            plan,
            errors,
        }
    }
}
