//! The AVC function as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::run(ves_avc::encode)
}
