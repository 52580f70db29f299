//! The AV1 function as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::run(ves_av1::encode)
}
