//! The AVC function as a program: `ves-avc`, and `ves-avc survey` for first passes.

use std::process::ExitCode;

use stratum_function::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => run(ves_avc::encode),
        Some("survey") => run(ves_avc::survey),
        Some(_) => {
            eprintln!("usage: ves-avc [survey]");
            ExitCode::from(2)
        }
    }
}
