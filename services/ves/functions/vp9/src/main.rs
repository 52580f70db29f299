//! The VP9 function as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stratum_function::run(ves_vp9::encode)
}
