//! The VVC function as a program: `ves-vvc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratum_function::run(ves_vvc::encode)
}
