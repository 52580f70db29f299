//! The AVC function as a program: `ves-avc`, and with `survey` and `quality` for first
//! passes and encodes to a quality.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::program("ves-avc", ves_avc::encode, ves_avc::survey)
}
