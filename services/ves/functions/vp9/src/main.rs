//! The VP9 function as a program: `ves-vp9`, and with `survey` and `quality` for first
//! passes and encodes to a quality.

use std::process::ExitCode;

fn main() -> ExitCode {
    ves_api::function::program("ves-vp9", ves_vp9::encode, ves_vp9::survey)
}
