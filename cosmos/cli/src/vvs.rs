//! The `vvs` command: judge any video file, whoever made it, on this machine with nothing to set up.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::colour::{self, ColourChoice};
use crate::pages::{self, CompletionsArgs, ManArgs};
use crate::ves::shared_args::EXIT_STATUS;
use crate::ves::validate::{self, ValidateArgs};

/// Judge video files: frame by frame against their sources, and by what they should be.
#[derive(Debug, Parser)]
#[command(name = "vvs", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Vvs {
    #[command(subcommand)]
    command: Command,

    /// Whether to use colour; NO_COLOR is obeyed
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    #[arg(help_heading = "Reporting", hide_possible_values = true)]
    color: ColourChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Judge a video file: frame by frame against its source, and by what it should be
    Validate(Box<ValidateArgs>),

    /// Print the completions of this command for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all subcommands
    Man(ManArgs),
}

/// Runs the command and says how it ended.
pub fn main() -> ExitCode {
    let command = command().color(colour::for_help(std::env::args_os()));
    let Vvs { command, color } = match Vvs::from_arg_matches(&command.get_matches()) {
        Ok(vvs) => vvs,
        Err(error) => error.exit(),
    };
    match command {
        Command::Validate(args) => validate::main(&args, color),
        Command::Completions(args) => pages::completions_main(self::command(), &args),
        Command::Man(args) => pages::man_main(self::command(), &args),
    }
}

/// The command line, with examples of this program.
fn command() -> clap::Command {
    Vvs::command().mut_subcommand("validate", |validate| {
        validate
            .after_help(validate::examples("vvs"))
            .after_long_help(validate::in_full("vvs"))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        super::command().debug_assert();
    }
}
