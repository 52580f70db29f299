//! `ves watch-folder`: whatever is put into a folder is encoded, once.

mod args;
mod settling;

pub(super) use args::WatchFolderArgs;

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use buffa::Message;
use clock::{Clock, SystemClock};
use daemon::OneShotConfig;
use errors::Error;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sources::Remote;

use self::settling::{Mark, Settling};
use super::batch::{Board, Engine, Item, Naming, Task, below, start};
use super::cache::{self, CACHE, InUse, JOBS, Note};
use super::encode::{not_noted, processors};
use super::job;
use super::machine;
use super::place::{input_problem, made_state_folder, output_problem};
use crate::colour::{ColourChoice, Paint};
use crate::stop::Stop;
use crate::{logging, signals};

/// How long the histories of ended encodes are kept; that they ended is kept for ever.
const KEEP_ENDED: Duration = Duration::from_secs(86_400);
/// How often the folder is looked at, at least.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is watched, and what becomes of it.
struct Watched<'a> {
    args: &'a WatchFolderArgs,
    naming: Naming,
    folder: PathBuf,
    state: PathBuf,
    config: OneShotConfig,
}

/// Encodes what comes, until it is interrupted.
pub(super) fn main(args: &WatchFolderArgs, colour: ColourChoice) -> ExitCode {
    logging::start(args.report.log_level(), colour);
    let board = RefCell::new(Board::of_each(&args.report, Paint::for_errors(colour)));
    let done = run(args, &board);
    let hint = "the same command goes on watching";
    board.borrow_mut().all().ended(done, hint)
}

fn run(args: &WatchFolderArgs, board: &RefCell<Board>) -> Result<(), Stop> {
    let watched = Watched::of(args)?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    runtime.block_on(watch(&watched, board))
}

impl<'a> Watched<'a> {
    /// Every problem at once.
    fn of(args: &'a WatchFolderArgs) -> Result<Self, Vec<Error>> {
        let mut problems = Vec::new();
        let naming = Naming::of(&args.output, &args.recipe, &mut problems);
        let folder = real_folder(&args.folder).map_err(|error| problems.push(error));
        let state = made_state_folder(args.state.state.as_deref());
        let state = state.map_err(|error| problems.push(error));
        problems.extend(machine::check([job::recipe(&args.recipe, None)]).err());
        let root = naming.as_ref().map(Naming::real_root).transpose();
        let root = root.map_err(|error| problems.push(error));
        if let (Ok(folder), Ok(Some(root))) = (&folder, &root) {
            problems.extend(circle(args, folder, root));
        }
        match (naming, folder, state, root) {
            (Some(naming), Ok(folder), Ok(state), Ok(Some(root))) if problems.is_empty() => {
                Ok(Self {
                    config: one_shot(args, &folder, &state, root),
                    args,
                    naming,
                    folder,
                    state,
                })
            }
            _ => Err(problems),
        }
    }

    /// The files that are there, each with what tells that it was written to.
    fn there(&self) -> Result<Vec<(Item, Mark)>, Error> {
        let items = below(&self.folder, self.args.watch.recursive)?;
        // One that is gone again is none.
        let marked = items.into_iter().filter_map(|item| {
            let mark = mark(&fs::metadata(&item.input).ok()?);
            Some((item, mark))
        });
        Ok(marked.collect())
    }

    /// The encode of a file. It is the same as long as nothing is written to the file.
    fn task(&self, item: Item, (length, written): Mark) -> Task {
        let mut task = self.naming.task(item);
        if let Ok((source, _)) = &mut task.files {
            source.identity = format!("{length}:{written}");
        }
        task
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(self.args.watch.settle).min(LOOK_EVERY) / 2
    }
}

fn mark(meta: &fs::Metadata) -> Mark {
    let written = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    (meta.len(), written)
}

fn real_folder(folder: &Path) -> Result<PathBuf, Error> {
    let real = folder.canonicalize().ok().filter(|real| real.is_dir());
    let none = || {
        input_problem(
            "NO_FOLDER",
            folder,
            "is no folder",
            "name one that is there",
        )
    };
    real.ok_or_else(none)
}

/// Outputs in the watched folder would be taken for new inputs.
fn circle(args: &WatchFolderArgs, folder: &Path, root: &Path) -> Option<Error> {
    let within = root == folder || args.watch.recursive && root.starts_with(folder);
    let hint = "name a folder outside of it";
    within.then(|| output_problem("OUTPUT_WATCHED", root, "is watched itself", hint))
}

fn one_shot(args: &WatchFolderArgs, folder: &Path, state: &Path, root: PathBuf) -> OneShotConfig {
    OneShotConfig {
        state: state.join(JOBS).join(key(args, folder)),
        blobs: state.join(CACHE),
        workers: args.watch.workers.unwrap_or_else(processors),
        source_roots: vec![folder.to_owned()],
        servers: Remote::default(),
        output_roots: vec![root],
        keep_ended: Some(KEEP_ENDED),
    }
}

/// The same command has the same state.
fn key(args: &WatchFolderArgs, folder: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let recipe = job::recipe(&args.recipe, None).encode_to_vec();
    let output = here.join(&args.output);
    let paths = [folder.as_os_str(), output.as_os_str()];
    let paths = paths.map(|path| path.as_encoded_bytes());
    ids::derived([paths[0], paths[1], &recipe, b"watched"])
}

async fn watch(watched: &Watched<'_>, board: &RefCell<Board>) -> Result<(), Stop> {
    let stop = signals::stop();
    let noted = cache::leave_note(&watched.config.state, &note(watched));
    noted.map_err(|error| not_noted(&watched.state, &error))?;
    let engine = Engine {
        ves: start(&watched.config).await?,
        recipe: &watched.args.recipe,
        overwrite: watched.args.watch.overwrite,
        state: watched.state.clone(),
        board,
        stop,
    };
    let folder = watched.args.folder.display();
    board.borrow_mut().all().say(&format!("watching {folder}"));
    let ended = take_all(watched, &engine).await;
    if matches!(ended, Err(Stop::Interrupted)) {
        board.borrow_mut().all().stopping();
    }
    engine.ves.shutdown().await;
    ended
}

/// Takes what becomes complete, some files at the same time.
async fn take_all(watched: &Watched<'_>, engine: &Engine<'_>) -> Result<(), Stop> {
    let mut settling = Settling::new(Duration::from_secs(watched.args.watch.settle));
    let mut waiting = std::collections::VecDeque::new();
    let mut running = FuturesUnordered::new();
    let window = watched.config.workers as usize + 1;
    let mut in_use = None;
    let mut number = 0;
    loop {
        let there = watched.there()?;
        let marks = there.iter().map(|(item, mark)| (item.input.clone(), *mark));
        let ready = settling.look(SystemClock.elapsed(), marks.collect());
        let is_ready = |(item, _): &(Item, Mark)| ready.contains(&item.input);
        waiting.extend(there.into_iter().filter(is_ready));
        while running.len() < window
            && let Some((item, mark)) = waiting.pop_front()
        {
            if in_use.is_none() {
                let begun = InUse::begin(&watched.state);
                in_use = Some(begun.map_err(|error| not_noted(&watched.state, &error))?);
            }
            let task = watched.task(item, mark);
            running.push(async move { engine.encode_once(number, &task).await });
            number += 1;
        }
        tokio::select! {
            Some(ended) = running.next() => {
                if let Err(Stop::Interrupted) = ended {
                    return Err(Stop::Interrupted);
                }
            }
            () = SystemClock.sleep(watched.interval()) => {}
            () = engine.stop.cancelled() => return Err(Stop::Interrupted),
        }
        if running.is_empty() && in_use.take().is_some() {
            cache::trim_by_itself(&watched.state);
        }
    }
}

fn note(watched: &Watched<'_>) -> Note {
    Note {
        input: watched.folder.display().to_string(),
        output: watched.args.output.display().to_string(),
        began_unix_ms: SystemClock.now().unix_ms(),
    }
}
