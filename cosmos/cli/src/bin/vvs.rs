//! The command vvs.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::vvs::main()
}
