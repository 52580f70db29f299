//! The AV1 function as a program: `ves-av1`, and `ves-av1 quality` for encodes to a quality.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::encoder_program("ves-av1", ves_av1::encode)
}
