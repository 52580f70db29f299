//! The command cosmos.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::cosmos::main()
}
