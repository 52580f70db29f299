//! `cosmos simulate`: a day of arrivals against placement and scaling.

mod args;
mod plots;
mod tables;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use errors::Error;
use serde::Serialize;
use stratum_simulator::{Mix, Outcome, Setup, limits, simulate};

pub(super) use self::args::SimulateArgs;
use crate::colour::{ColourChoice, Paint};
use crate::output::{Output, ended};
use crate::pages;
use crate::stop::Stop;

/// The answer.
#[derive(Serialize)]
struct Report<'a> {
    mix: &'a str,
    outcomes: &'a [Outcome],
}

/// `cosmos simulate [MIX]`
pub(super) fn main(args: &SimulateArgs, colour: ColourChoice) -> ExitCode {
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = run(args, &output, Paint::for_output(colour));
    ended(done, &output)
}

fn run(args: &SimulateArgs, output: &Output, paint: Paint) -> Result<(), Stop> {
    let yaml = yaml(&args.mix)?;
    let mix = Mix::from_yaml(&yaml).map_err(|error| invalid(&args.mix, error.to_string()))?;
    if args.show {
        return Ok(pages::show(yaml.as_bytes()).map_err(|error| unwritable("it", &error))?);
    }
    let outcomes = outcomes(args, &mix, output)?;
    if let Some(folder) = &args.plots {
        write_plots(folder, &mix, &outcomes)?;
    }
    let report = Report {
        mix: &mix.name,
        outcomes: &outcomes,
    };
    output.result(&report, || tables::in_words(&mix, &outcomes, paint));
    Ok(())
}

/// A mix that is shipped, or the content of a file.
fn yaml(name: &str) -> Result<String, Error> {
    let shipped = Mix::shipped().into_iter().find(|(known, _)| *known == name);
    if let Some((_, yaml)) = shipped {
        return Ok(yaml.to_owned());
    }
    let unreadable = |error: std::io::Error| {
        let names = Mix::shipped().map(|(name, _)| name).join(", ");
        Error::user(
            "MIX_UNREADABLE",
            format!("the mix {name:?} cannot be read: {error}"),
        )
        .at("MIX")
        .hint(format!("name a YAML file, or one of {names}"))
    };
    let file = fs::File::open(name).map_err(unreadable)?;
    let mut yaml = String::new();
    let read = file.take(limits::YAML as u64 + 1).read_to_string(&mut yaml);
    read.map_err(unreadable)?;
    Ok(yaml)
}

fn outcomes(args: &SimulateArgs, mix: &Mix, output: &Output) -> Result<Vec<Outcome>, Error> {
    let setup = Setup {
        cores: args.cores,
        hours: args.hours,
        seed: args.seed,
    };
    let outcomes = args.policies().into_iter().map(|policy| {
        output.say(&format!("simulating {policy}"));
        simulate(mix, setup, policy).map_err(|error| invalid(&args.mix, error.to_string()))
    });
    outcomes.collect()
}

fn invalid(mix: &str, problem: String) -> Error {
    Error::user("INVALID_MIX", format!("{mix}: {problem}"))
        .at("MIX")
        .hint("`cosmos simulate studio --show` prints one that is valid")
}

fn write_plots(folder: &Path, mix: &Mix, outcomes: &[Outcome]) -> Result<(), Error> {
    let unwritable = |error| unwritable(&folder.display().to_string(), &error);
    fs::create_dir_all(folder).map_err(unwritable)?;
    for (name, svg) in plots::all(mix, outcomes) {
        fs::write(folder.join(name), svg).map_err(unwritable)?;
    }
    Ok(())
}

fn unwritable(what: &str, error: &std::io::Error) -> Error {
    Error::user("UNWRITABLE", format!("{what} cannot be written: {error}"))
        .hint("name a folder that may be written to")
}
