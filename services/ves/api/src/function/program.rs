//! An encoder that makes first passes too, as a program: by its name alone it encodes, and with
//! `survey` it looks.

use std::process::ExitCode;

use errors::Error;
use stratum_function::{Progress, WorkDir, run};

use super::{EncodeParams, EncodeResult, Survey, SurveyParams};

type Work<P, R> = fn(&WorkDir, P, &mut Progress) -> Result<R, Error>;

/// Runs what the command line asks for in the current directory.
pub fn program(
    name: &str,
    encode: Work<EncodeParams, EncodeResult>,
    survey: Work<SurveyParams, Survey>,
) -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => run(encode),
        Some("survey") => run(survey),
        Some(_) => {
            eprintln!("usage: {name} [survey]");
            ExitCode::from(2)
        }
    }
}
