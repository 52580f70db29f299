//! The AVC function as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratum_function::run(ves_avc::encode)
}
