//! The AVC function as a program: `ves-avc`, and `ves-avc survey` for first passes.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::program("ves-avc", ves_avc::encode, ves_avc::survey)
}
