//! `cosmos blobs …`: what is kept by digest.

pub(super) mod args;
mod server;
mod sweep;

use std::process::ExitCode;

use errors::Error;

use self::args::{BlobsArgs, BlobsCommand};
use self::server::Server;
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// `cosmos blobs …`
pub(super) fn main(args: &BlobsArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = crate::runtime()
        .map_err(|error| Error::platform("NO_RUNTIME", error.to_string()).into())
        .and_then(|runtime| runtime.block_on(run(args, &output)));
    ended(done, &output)
}

async fn run(args: &BlobsArgs, output: &Output) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    match args.command {
        BlobsCommand::Sweep(args) => sweep::sweep(&server, args, output).await,
    }
}
