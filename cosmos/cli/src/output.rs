//! Answers of the commands that answer once: text for people, or one JSON document.

use std::process::ExitCode;

use errors::{Class, Error};
use serde::Serialize;

use crate::colour::Paint;
use crate::explain::explain;
use crate::pages;
use crate::stop::Stop;

/// Where answers go: to standard output; errors in words to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    paint: Paint,
}

impl Output {
    pub(crate) fn new(json: bool, errors: Paint) -> Self {
        Self {
            json,
            paint: errors,
        }
    }

    /// The answer, in the form that was asked for.
    pub(crate) fn result(&self, value: &impl Serialize, words: impl FnOnce() -> String) {
        let text = match self.json {
            true => serde_json::to_string(value).unwrap_or_default(),
            false => words(),
        };
        // A reader that went away wants no more.
        let _ = pages::show(format!("{text}\n").as_bytes());
    }

    /// One of many answers, for machines; people get a summary.
    pub(crate) fn item(&self, value: &impl Serialize) {
        if self.json {
            self.result(value, String::new);
        }
    }

    /// Something by the way, for people.
    pub(crate) fn say(&self, line: &str) {
        if !self.json {
            eprintln!("{line}");
        }
    }

    /// What is wrong, all of it.
    pub(crate) fn failed(&self, errors: &[Error]) {
        match self.json {
            true => self.result(&Failed::of(errors), String::new),
            false => eprint!("{}", explain(errors, self.paint)),
        }
    }
}

/// As the event `failed` of a run.
#[derive(Serialize)]
struct Failed<'a> {
    event: &'static str,
    errors: &'a [Error],
}

impl<'a> Failed<'a> {
    fn of(errors: &'a [Error]) -> Self {
        Self {
            event: "failed",
            errors,
        }
    }
}

/// The exit status of what was done; its errors are told.
pub(crate) fn ended(done: Result<(), Stop>, output: &Output) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Interrupted) => ExitCode::from(Class::Canceled.exit_status()),
        Err(Stop::Told(errors)) => status(&errors),
        Err(Stop::Failed(errors)) => {
            output.failed(&errors);
            status(&errors)
        }
    }
}

/// The exit status of an end with these errors: the first decides.
pub(crate) fn status(errors: &[Error]) -> ExitCode {
    let class = errors.first().map_or(Class::Platform, |error| error.class);
    ExitCode::from(class.exit_status())
}
