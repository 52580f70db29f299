//! The command ves.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::ves::main()
}
