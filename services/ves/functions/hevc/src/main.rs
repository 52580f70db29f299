//! The HEVC function as a program: `ves-hevc`, and `ves-hevc survey` for first passes.

use std::process::ExitCode;

use stratum_function::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => run(ves_hevc::encode),
        Some("survey") => run(ves_hevc::survey),
        Some(_) => {
            eprintln!("usage: ves-hevc [survey]");
            ExitCode::from(2)
        }
    }
}
