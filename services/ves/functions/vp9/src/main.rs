//! The VP9 function as a program: `ves-vp9`, and `ves-vp9 survey` for first passes.

use std::process::ExitCode;

use stratum_function::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => run(ves_vp9::encode),
        Some("survey") => run(ves_vp9::survey),
        Some(_) => {
            eprintln!("usage: ves-vp9 [survey]");
            ExitCode::from(2)
        }
    }
}
