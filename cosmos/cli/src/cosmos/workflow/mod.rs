//! `cosmos workflow …`: an operator's view of the workflows.

mod act;
pub(super) mod args;
mod explain;
mod facts;
mod graph;
mod history;
mod json;
mod list;
pub(super) mod logs;
pub(super) mod server;
mod show;
mod start;
mod watch;
mod words;

use std::process::ExitCode;

use errors::Error;

use self::args::{WorkflowArgs, WorkflowCommand};
use self::server::Server;
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// What every command has.
struct Desk {
    server: Server,
    output: Output,
    json: bool,
    /// For standard output.
    paint: Paint,
}

/// `cosmos workflow …`
pub(super) fn main(args: &WorkflowArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = crate::runtime()
        .map_err(|error| Error::platform("NO_RUNTIME", error.to_string()).into())
        .and_then(|runtime| runtime.block_on(run(args, output, Paint::for_output(colour))));
    ended(done, &output)
}

async fn run(args: &WorkflowArgs, output: Output, paint: Paint) -> Result<(), Stop> {
    let desk = Desk {
        server: Server::of(&args.server)?,
        output,
        json: args.json,
        paint,
    };
    match &args.command {
        WorkflowCommand::List(args) => list::list(&desk, args).await,
        WorkflowCommand::Show(args) => show::show(&desk, args).await,
        WorkflowCommand::Watch(args) => watch::watch(&desk, args).await,
        WorkflowCommand::History(args) => history::history(&desk, args).await,
        WorkflowCommand::Explain(args) => explain::explain(&desk, args).await,
        WorkflowCommand::Graph(args) => graph::graph(&desk, args).await,
        WorkflowCommand::Facts(args) => facts::list(&desk, args).await,
        WorkflowCommand::Start(args) => start::start(&desk, args).await,
        WorkflowCommand::Assert(args) => facts::assert(&desk, args).await,
        WorkflowCommand::Retract(args) => facts::retract(&desk, args).await,
        WorkflowCommand::Pause(args) => act::pause(&desk, args).await,
        WorkflowCommand::Resume(args) => act::resume(&desk, args).await,
        WorkflowCommand::Retry(args) => act::retry(&desk, args).await,
        WorkflowCommand::Signal(args) => act::signal(&desk, args).await,
        WorkflowCommand::Cancel(args) => act::cancel(&desk, args).await,
    }
}
