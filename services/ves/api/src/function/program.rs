//! An encoder as a program: by its name alone it encodes, with `quality` it encodes to a quality, and with
//! `survey` it makes a first pass, where it can.

use std::process::ExitCode;

use errors::Error;
use stratum_function::{Progress, WorkDir, run};

use super::{EncodeParams, EncodeResult, Survey, SurveyParams, quality};

type Work<P, R> = fn(&WorkDir, P, &mut Progress) -> Result<R, Error>;

/// Runs what the command line asks for in the current directory.
pub fn program(
    name: &str,
    encode: Work<EncodeParams, EncodeResult>,
    survey: Work<SurveyParams, Survey>,
) -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("survey") => run(survey),
        _ => encoder_program(name, encode),
    }
}

/// The same of an encoder that makes no first passes.
pub fn encoder_program(name: &str, encode: Work<EncodeParams, EncodeResult>) -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => run(encode),
        Some("quality") => run(|work, params, progress| quality(work, params, progress, encode)),
        Some(_) => {
            eprintln!("usage: {name} [quality | survey]");
            ExitCode::from(2)
        }
    }
}
