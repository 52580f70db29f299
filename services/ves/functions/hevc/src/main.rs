//! The HEVC function as a program: `ves-hevc`, and with `survey` and `quality` for first
//! passes and encodes to a quality.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::program("ves-hevc", ves_hevc::encode, ves_hevc::survey)
}
