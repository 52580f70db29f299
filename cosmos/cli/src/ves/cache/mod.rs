//! The chunk cache, which spares encoding an equal chunk twice, and the unfinished encodes.

pub(super) mod args;
mod files;
mod in_use;
mod jobs;
mod show;
mod trim;

pub(super) use in_use::InUse;
pub(super) use jobs::{JOBS, Note, forget, leave_note};
pub(super) use trim::CACHE;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use errors::Error;

use self::args::{CacheArgs, CacheCommand, ClearArgs, TrimArgs};
use self::in_use::Alone;
use self::trim::{Limits, MAX_BYTES, Removed};
use super::place::state_folder;
use crate::colour::{ColourChoice, Paint};
use crate::explain::one_line;
use crate::output::{Output, ended};
use crate::stop::Stop;
use crate::units::{Size, count};

/// What is younger is kept unless somebody asks: an encode may soon want it again.
const GRACE: Duration = Duration::from_secs(2 * 86_400);

/// `ves cache …`
pub(super) fn main(args: &CacheArgs, colour: ColourChoice) -> ExitCode {
    let output = Output::new(args.state.json, Paint::for_errors(colour));
    let done = match state_folder(args.state.folder.state.as_deref()) {
        Ok(state) => run(&args.command, &state, &output),
        Err(error) => Err(error.into()),
    };
    ended(done, &output)
}

fn run(command: &CacheCommand, state: &Path, output: &Output) -> Result<(), Stop> {
    match command {
        CacheCommand::Show => show::show(state, output),
        CacheCommand::Trim(args) => make_room(args, state, output),
        CacheCommand::Clear(args) => clear(args, state, output),
    }
}

/// After an encode: within bounds again. While another one runs it is left to that one.
pub(super) fn trim_by_itself(state: &Path) {
    let limits = Limits {
        max_bytes: MAX_BYTES,
        older_than: None,
        younger_than: GRACE,
    };
    let trimmed = match Alone::try_begin(state) {
        Ok(Some(alone)) => trim::trim(state, limits, &alone).map(|_| ()),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = trimmed {
        tracing::warn!(%error, "the chunk cache cannot be trimmed");
    }
}

fn make_room(args: &TrimArgs, state: &Path, output: &Output) -> Result<(), Stop> {
    let by_default = match args.older_than {
        Some(_) => u64::MAX,
        None => MAX_BYTES,
    };
    let limits = Limits {
        max_bytes: args.max_size.map_or(by_default, |size| size.0),
        older_than: args.older_than.map(|age| age.0),
        younger_than: Duration::ZERO,
    };
    let removed = alone(state)?.map_or(Ok(Removed::default()), |alone| {
        trim::trim(state, limits, &alone).map_err(|error| not_removed(state, &error))
    })?;
    tell(removed, output);
    Ok(())
}

fn clear(args: &ClearArgs, state: &Path, output: &Output) -> Result<(), Stop> {
    let Some(alone) = alone(state)? else {
        tell(Removed::default(), output);
        return Ok(());
    };
    if !args.yes && !confirmed(state)? {
        output.say("nothing was removed");
        return Ok(());
    }
    let removed = trim::clear(state, &alone).map_err(|error| not_removed(state, &error))?;
    tell(removed, output);
    Ok(())
}

/// The right to remove; `None` where there is nothing at all.
fn alone(state: &Path) -> Result<Option<Alone>, Error> {
    if !state.exists() {
        return Ok(None);
    }
    match Alone::try_begin(state) {
        Ok(Some(alone)) => Ok(Some(alone)),
        Ok(None) => Err(in_use(state)),
        Err(error) => Err(not_removed(state, &error)),
    }
}

fn in_use(state: &Path) -> Error {
    let running = jobs::unfinished(state)
        .into_iter()
        .filter(|job| job.running);
    let outputs: Vec<String> = running
        .filter_map(|job| job.note)
        .map(|note| one_line(&note.output))
        .collect();
    let which = match outputs.is_empty() {
        true => String::new(),
        false => format!(" ({})", outputs.join(", ")),
    };
    let message = format!("an encode runs{which}, and may need anything in the cache");
    Error::platform("CACHE_IN_USE", message)
        .hint("run this again when it has finished, or interrupt it; nothing was removed")
}

fn not_removed(state: &Path, error: &io::Error) -> Error {
    let folder = one_line(&state.to_string_lossy());
    Error::platform("CACHE_NOT_CHANGED", format!("{folder}: {error}"))
        .hint("see that the folder is yours and that its disk can be written")
}

fn confirmed(state: &Path) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(
            Error::user("NOT_CONFIRMED", "removing everything needs a yes")
                .at("--yes")
                .hint("add --yes where nobody can be asked"),
        );
    }
    let held = show::Held::of(state);
    eprint!(
        "Remove {} and {}? [y/N] ",
        Size(held.blob_bytes),
        count(held.unfinished.len() as u64, "unfinished encode")
    );
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(removed: Removed, output: &Output) {
    output.result(&removed, || match removed {
        Removed {
            blobs: 0,
            unfinished: 0,
            memos: 0,
            ..
        } => "nothing to remove".to_owned(),
        Removed {
            blobs,
            bytes,
            unfinished,
            ..
        } => {
            let (blobs, size) = (count(blobs, "blob"), Size(bytes));
            let anew = match unfinished {
                0 => String::new(),
                _ => format!(
                    "; {} will begin anew",
                    count(unfinished, "unfinished encode")
                ),
            };
            format!("removed {blobs}, {size}{anew}")
        }
    });
}
