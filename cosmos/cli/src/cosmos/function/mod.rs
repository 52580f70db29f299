//! `cosmos function …`: functions tried and looked at.

pub(super) mod args;
mod find;
mod inputs;
mod keep;
mod list;
mod logs;
mod report;
mod run;

use std::process::ExitCode;

use errors::Error;

use self::args::{FunctionArgs, FunctionCommand};
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// What every command has.
struct Desk {
    output: Output,
    json: bool,
    /// For standard output.
    paint: Paint,
}

/// `cosmos function …`
pub(super) fn main(args: &FunctionArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let desk = Desk {
        output: Output::new(args.json, Paint::for_errors(colour)),
        json: args.json,
        paint: Paint::for_output(colour),
    };
    let done = crate::runtime()
        .map_err(|error| Error::platform("NO_RUNTIME", error.to_string()).into())
        .and_then(|runtime| runtime.block_on(run(args, &desk)));
    ended(done, &desk.output)
}

async fn run(args: &FunctionArgs, desk: &Desk) -> Result<(), Stop> {
    match &args.command {
        FunctionCommand::Run(args) => run::run(desk, args).await,
        FunctionCommand::List(args) => list::list(desk, args).await,
        FunctionCommand::Logs(args) => logs::logs(desk, args).await,
    }
}
