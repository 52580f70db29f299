//! `cosmos shapes …`: how much of a host invocations get, and why.

pub(super) mod args;
mod calibrate;
mod explain;
mod list;

use std::process::ExitCode;

use errors::Error;

use self::args::{ShapesArgs, ShapesCommand};
use self::calibrate::args::CalibrateArgs;
use super::function::Desk;
use crate::colour::ColourChoice;
use crate::logging;
use crate::output::ended;
use crate::stop::Stop;

/// `cosmos shapes …`
pub(super) fn main(args: &ShapesArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let desk = Desk::new(args.json, colour);
    let done = match &args.command {
        ShapesCommand::List(args) => list::list(&desk, args),
        ShapesCommand::Explain(args) => explain::explain(&desk, args),
        ShapesCommand::Calibrate(args) => calibrate(&desk, args),
    };
    ended(done, &desk.output)
}

fn calibrate(desk: &Desk, args: &CalibrateArgs) -> Result<(), Stop> {
    let runtime = crate::runtime();
    let runtime = runtime.map_err(|error| Error::platform("NO_RUNTIME", error.to_string()))?;
    runtime.block_on(calibrate::calibrate(desk, args))
}
