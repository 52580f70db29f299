//! The `ves` command: encode video on this machine with nothing to set up, or on a server.

mod args;
mod batch;
mod bitrate;
mod cache;
mod codings;
mod container;
mod contract_file;
mod dry_run;
mod duration;
mod edges;
mod encode;
mod follow;
mod fps;
mod frames;
mod job;
mod ladder;
mod machine;
mod picture;
mod place;
mod plan;
mod presets;
mod probe;
mod quality;
mod remote;
mod remote_source;
mod report;
pub(crate) mod shared_args;
mod snapshot;
pub(crate) mod validate;
mod watch_folder;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::args::{Command, Ves};
use crate::{colour, pages};

/// Runs the command and says how it ended.
pub fn main() -> ExitCode {
    let command = Ves::command().color(colour::for_help(std::env::args_os()));
    let Ves { command, color } = match Ves::from_arg_matches(&command.get_matches()) {
        Ok(ves) => ves,
        Err(error) => error.exit(),
    };
    match command {
        Command::Encode(args) => encode::main(&args, color),
        Command::WatchFolder(args) => watch_folder::main(&args, color),
        Command::Probe(args) => probe::main(&args, color),
        Command::Validate(args) => validate::main(&args, color),
        Command::Presets(args) => presets::main(&args, color),
        Command::Cache(args) => cache::main(&args, color),
        Command::Submit(args) => remote::submit(&args, color),
        Command::Status(args) => remote::status(&args, color),
        Command::Watch(args) => remote::watch(&args, color),
        Command::Cat(args) => remote::cat(&args, color),
        Command::Cancel(args) => remote::cancel(&args, color),
        Command::List(args) => remote::list(&args, color),
        Command::Completions(args) => pages::completions_main(Ves::command(), &args),
        Command::Man(args) => pages::man_main(Ves::command(), &args),
    }
}
