//! `ves encode` of several files: one process, whose workers they share.

mod board;
mod done;
mod engine;
mod items;
mod plan;
mod template;

pub(super) use board::Board;
pub(super) use engine::{Engine, roots, start};
use items::items;
pub(super) use items::{Item, below};
pub(super) use plan::taken;
pub(super) use plan::{Naming, Task};
use plan::{problems, without_outputs};
pub(super) use template::Template;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use buffa::Message;
use clock::{Clock, SystemClock};
use daemon::OneShotConfig;
use errors::Error;
use futures::StreamExt;

use self::done::Done;
use super::args::{EncodeArgs, RunArgs};
use super::cache::{self, CACHE, InUse, JOBS, Note};
use super::encode::{forget, not_noted, processors};
use super::job;
use super::place::{Source, made_state_folder, shown};
use super::remote_source;
use super::report::Tally;
use crate::colour::Paint;
use crate::signals;
use crate::stop::Stop;

/// Several files and where their encodes go.
#[derive(Debug)]
pub(super) struct Several {
    pub tasks: Vec<Task>,
    /// The folder of all outputs.
    pub root: PathBuf,
}

impl Several {
    /// The files that `args` name; every problem at once.
    pub(super) fn of(args: &EncodeArgs) -> Result<Self, Vec<Error>> {
        let mut wrong = Vec::new();
        let naming = Naming::of(&args.output, &args.recipe, &mut wrong);
        let found = items(&args.inputs, args.run.recursive);
        let found = found.map_err(|problems| wrong.splice(0..0, problems).for_each(drop));
        let (Some(naming), Ok(found)) = (naming, found) else {
            return Err(wrong);
        };
        let tasks = found.into_iter().map(|item| naming.task(item)).collect();
        let tasks = without_outputs(tasks);
        let mut problems = problems(&tasks, &naming.template);
        if args.run.dry_run && !args.run.overwrite && !args.run.skip_existing {
            problems.extend(taken(&tasks));
        }
        problems.append(&mut wrong);
        match naming.real_root() {
            Ok(root) if problems.is_empty() => Ok(Self { tasks, root }),
            Err(error) if problems.is_empty() => Err(vec![error]),
            // Where there is no folder, each file has told so.
            _ => Err(problems),
        }
    }

    /// The only file, where one was named and nothing else.
    pub(super) fn only(&self) -> Option<&Task> {
        match &*self.tasks {
            [task] if task.item.named => Some(task),
            _ => None,
        }
    }
}

/// Encodes the files, and says how each went.
pub(super) fn main(args: &EncodeArgs, several: &Several, paint: Paint) -> ExitCode {
    let board = RefCell::new(Board::new(&args.report, paint));
    let done = run(args, several, &board);
    let hint = "the same command goes on where this one stopped";
    board.borrow_mut().all().ended(done, hint)
}

fn run(args: &EncodeArgs, several: &Several, board: &RefCell<Board>) -> Result<(), Stop> {
    let state = made_state_folder(args.state.state.as_deref())?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let in_use = InUse::begin(&state).map_err(|e| not_noted(&state, &e))?;
    let done = runtime.block_on(encode(args, several, &state, board));
    drop(in_use);
    cache::trim_by_itself(&state);
    done
}

async fn encode(
    args: &EncodeArgs,
    several: &Several,
    state: &Path,
    board: &RefCell<Board>,
) -> Result<(), Stop> {
    let stop = signals::stop();
    let config = one_shot(args, several, state)?;
    let resumed = config.state.exists();
    let noted = cache::leave_note(&config.state, &note(args));
    noted.map_err(|error| not_noted(state, &error))?;
    let done_before = Done::read(&config.state);
    let engine = Engine {
        ves: start(&config).await?,
        recipe: &args.recipe,
        overwrite: args.run.overwrite,
        state: state.to_owned(),
        board,
        stop,
    };
    if resumed {
        let mut board = board.borrow_mut();
        board.all().say("going on where the last run stopped");
    }
    let batch = Batch {
        engine: &engine,
        run: &args.run,
        before: &done_before,
        done: RefCell::new(done_before.clone()),
    };
    let done = all(&batch, &several.tasks, config.workers).await;
    let encoded = batch.done.into_inner();
    if matches!(done, Err(Stop::Interrupted)) {
        board.borrow_mut().all().stopping();
    }
    engine.ves.shutdown().await;
    if !matches!(done, Err(Stop::Interrupted)) {
        // The next run of the same command begins anew, from the chunks that are done.
        forget(&config);
    }
    if matches!(done, Err(Stop::Told(_))) && !encoded.is_empty() {
        leave_done(&config.state, args, &encoded);
    }
    tell(board);
    done
}

/// What is told to a later run, where this one failed in part.
fn leave_done(state: &Path, args: &EncodeArgs, done: &Done) {
    let left = cache::leave_note(state, &note(args)).and_then(|()| done.write(state));
    if let Err(error) = left {
        tracing::warn!(%error, state = %state.display(), "what is done cannot be noted");
    }
}

/// Files that are encoded one beside the other.
struct Batch<'a> {
    engine: &'a Engine<'a>,
    run: &'a RunArgs,
    /// What the runs before this one have done.
    before: &'a Done,
    done: RefCell<Done>,
}

/// All files, some at the same time: while the last chunks of one are encoded, the next begins.
async fn all(batch: &Batch<'_>, tasks: &[Task], workers: u32) -> Result<(), Stop> {
    for (number, task) in tasks.iter().enumerate() {
        batch.engine.board.borrow_mut().add(number, task.clone());
    }
    let window = workers as usize + 1;
    let numbers = futures::stream::iter(0..tasks.len());
    let ended = numbers.map(|number| one(batch, number, &tasks[number]));
    worst(ended.buffer_unordered(window).collect().await)
}

async fn one(batch: &Batch<'_>, number: usize, task: &Task) -> Result<(), Stop> {
    let Batch {
        engine,
        run,
        before,
        done,
    } = batch;
    if engine.stop.is_cancelled() {
        return Err(Stop::Interrupted);
    }
    let is_there = || task.output.symlink_metadata().is_ok();
    if run.skip_existing && is_there() || !run.overwrite && before.holds(task) {
        engine.board.borrow_mut().skipped(number);
        return Ok(());
    }
    engine.encode(number, task).await?;
    done.borrow_mut().add(task);
    Ok(())
}

/// How all ended: an interruption before everything else, else the failure that came first.
fn worst(ended: Vec<Result<(), Stop>>) -> Result<(), Stop> {
    let mut first = Ok(());
    for one in ended {
        match (one, &first) {
            (Err(Stop::Interrupted), _) => return Err(Stop::Interrupted),
            (Err(Stop::Failed(errors) | Stop::Told(errors)), Ok(())) => {
                first = Err(Stop::Told(errors));
            }
            _ => {}
        }
    }
    first
}

/// How all went, each by itself.
pub(super) fn tell(board: &RefCell<Board>) {
    let mut board = board.borrow_mut();
    let lines = board.lines();
    let elapsed = u64::try_from(board.all().elapsed().as_millis()).unwrap_or(u64::MAX);
    board.all().tallied(&Tally::of(lines, elapsed));
}

fn one_shot(args: &EncodeArgs, several: &Several, state: &Path) -> Result<OneShotConfig, Error> {
    let usable = several
        .tasks
        .iter()
        .filter_map(|task| task.files.as_ref().ok());
    let sources = usable.map(|(source, _)| source);
    Ok(OneShotConfig {
        state: state.join(JOBS).join(key(args)),
        blobs: state.join(CACHE),
        workers: args.run.workers.unwrap_or_else(processors),
        source_roots: roots(sources.clone().filter_map(Source::folder)),
        servers: remote_source::servers(sources)?,
        output_roots: vec![several.root.clone()],
        keep_ended: None,
    })
}

/// The same command has the same state, also when a file has come or changed meanwhile.
fn key(args: &EncodeArgs) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let recipe = job::recipe(&args.recipe, None).encode_to_vec();
    let inputs = args.inputs.iter().map(|input| here.join(input));
    let names = inputs.chain([here.join(&args.output)]);
    let names: Vec<_> = names
        .map(|name| name.into_os_string().into_encoded_bytes())
        .collect();
    let names = names.iter().map(Vec::as_slice);
    ids::derived(names.chain([recipe.as_slice(), b"several"]))
}

fn note(args: &EncodeArgs) -> Note {
    let inputs: Vec<_> = args
        .inputs
        .iter()
        .take(3)
        .map(|input| shown(input))
        .collect();
    let more = if args.inputs.len() > 3 { ", …" } else { "" };
    Note {
        input: format!("{}{more}", inputs.join(", ")),
        output: args.output.display().to_string(),
        began_unix_ms: SystemClock.now().unix_ms(),
    }
}
