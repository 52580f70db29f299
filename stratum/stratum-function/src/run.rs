use std::process::ExitCode;

use errors::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Progress, WorkDir};

/// Runs a function in the current directory: reads `params.json`, and leaves `result.json` or
/// `error.json` below `output/`. The exit status is the error's class.
pub fn run<P, R>(function: impl FnOnce(&WorkDir, P, &mut Progress) -> Result<R, Error>) -> ExitCode
where
    P: DeserializeOwned,
    R: Serialize,
{
    let mut progress = Progress::of_host();
    let work = WorkDir::new(".");
    let ended = work
        .create_output()
        .and_then(|()| work.params())
        .and_then(|params| function(&work, params, &mut progress))
        .and_then(|result| work.write_json("result.json", &result));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => tell(&work, &error),
    }
}

fn tell(work: &WorkDir, error: &Error) -> ExitCode {
    eprintln!("{error}");
    if let Err(second) = work.write_json("error.json", error) {
        eprintln!("{second}");
    }
    ExitCode::from(error.class.exit_status())
}
