//! `cosmos function …`: functions tried and looked at.

pub(super) mod args;
mod context;
pub(super) mod find;
mod image;
pub(super) mod inputs;
pub(super) mod invocation;
mod keep;
pub(super) mod list;
mod logs;
mod report;
mod run;
mod versions;

use std::process::ExitCode;

use errors::Error;

use self::args::{FunctionArgs, FunctionCommand};
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// What every command has.
pub(super) struct Desk {
    pub(super) output: Output,
    pub(super) json: bool,
    /// For standard output.
    pub(super) paint: Paint,
}

impl Desk {
    pub(super) fn new(json: bool, colour: ColourChoice) -> Self {
        Self {
            output: Output::new(json, Paint::for_errors(colour)),
            json,
            paint: Paint::for_output(colour),
        }
    }
}

/// `cosmos function …`
pub(super) fn main(args: &FunctionArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let desk = Desk::new(args.json, colour);
    let done = crate::runtime()
        .map_err(|error| Error::platform("NO_RUNTIME", error.to_string()).into())
        .and_then(|runtime| runtime.block_on(run(args, &desk)));
    ended(done, &desk.output)
}

async fn run(args: &FunctionArgs, desk: &Desk) -> Result<(), Stop> {
    match &args.command {
        FunctionCommand::Run(args) => run::run(desk, args).await,
        FunctionCommand::Build(args) => image::build(desk, args).await,
        FunctionCommand::Push(args) => image::push(desk, args).await,
        FunctionCommand::List(args) => list::list(desk, args).await,
        FunctionCommand::Logs(args) => logs::logs(desk, args).await,
        FunctionCommand::Publish(args) => versions::publish(desk, args).await,
        FunctionCommand::Promote(args) => versions::promote(desk, args).await,
        FunctionCommand::Rollback(args) => versions::rollback(desk, args).await,
        FunctionCommand::Versions(args) => versions::versions(desk, args).await,
        FunctionCommand::Remove(args) => versions::remove(desk, args).await,
    }
}
