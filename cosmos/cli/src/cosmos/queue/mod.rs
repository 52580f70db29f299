//! `cosmos queue …`: an operator's view of the queues.

pub(super) mod args;
mod batch;
mod block;
mod cancel;
mod delete;
mod drain;
mod events;
mod find;
mod history;
mod json;
mod list;
mod message;
mod payload;
mod peek;
mod put;
mod redrive;
mod reschedule;
pub(super) mod server;
mod show;
mod tail;
mod words;

use std::process::ExitCode;

use errors::Error;

use self::args::{QueueArgs, QueueCommand};
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

/// `cosmos queue …`
pub(super) fn main(args: &QueueArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = crate::runtime()
        .map_err(|error| Error::platform("NO_RUNTIME", error.to_string()).into())
        .and_then(|runtime| runtime.block_on(run(args, output, Paint::for_output(colour))));
    ended(done, &output)
}

async fn run(args: &QueueArgs, output: Output, paint: Paint) -> Result<(), Stop> {
    let desk = Desk {
        server: Server::of(&args.server)?,
        output,
        json: args.json,
        paint,
    };
    match &args.command {
        QueueCommand::List(args) => list::list(&desk, args).await,
        QueueCommand::Show(args) => show::show(&desk, args).await,
        QueueCommand::Peek(args) => peek::peek(&desk, args).await,
        QueueCommand::Tail(args) => tail::tail(&desk, args).await,
        QueueCommand::Find(args) => find::find(&desk, args).await,
        QueueCommand::Events(args) => events::events(&desk, args).await,
        QueueCommand::Message(args) => message::message(&desk, args).await,
        QueueCommand::Redrive(args) => redrive::redrive(&desk, args).await,
        QueueCommand::Reschedule(args) => reschedule::reschedule(&desk, args).await,
        QueueCommand::Cancel(args) => cancel::cancel(&desk, args).await,
        QueueCommand::Block(args) => block::set(&desk, args, true).await,
        QueueCommand::Unblock(args) => block::set(&desk, args, false).await,
        QueueCommand::Drain(args) => drain::drain(&desk, args).await,
        QueueCommand::Put(args) => put::put(&desk, args).await,
        QueueCommand::Delete(args) => delete::delete(&desk, args).await,
    }
}
