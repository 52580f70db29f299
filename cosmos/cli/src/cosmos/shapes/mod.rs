//! `cosmos shapes …`: how much of a host invocations get, and why.

pub(super) mod args;
mod explain;
mod list;

use std::process::ExitCode;

use self::args::{ShapesArgs, ShapesCommand};
use super::function::Desk;
use crate::colour::ColourChoice;
use crate::logging;
use crate::output::ended;

/// `cosmos shapes …`
pub(super) fn main(args: &ShapesArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let desk = Desk::new(args.json, colour);
    let done = match &args.command {
        ShapesCommand::List(args) => list::list(&desk, args),
        ShapesCommand::Explain(args) => explain::explain(&desk, args),
    };
    ended(done, &desk.output)
}
