//! The HEVC function as a program: `ves-hevc`, and `ves-hevc survey` for first passes.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::program("ves-hevc", ves_hevc::encode, ves_hevc::survey)
}
