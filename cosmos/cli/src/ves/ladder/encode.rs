//! Every role in this process, for one ladder.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;

use buffa::Message;
use clock::{Clock, SystemClock};
use daemon::{OneShot, OneShotConfig};
use errors::Error;
use futures::StreamExt;
use optimus::{Caller, Page, Requests, State};
use tokio_util::sync::CancellationToken;
use ves_api::recipe::MAX_RUNGS;
use ves_api::service::VesService;
use ves_api::validate::RUNG;
use ves_api::wire;

use super::Ladder;
use crate::colour::Paint;
use crate::signals;
use crate::stop::Stop;
use crate::ves::args::EncodeArgs;
use crate::ves::batch::{Board, Task, roots, tell};
use crate::ves::cache::{self, CACHE, InUse, JOBS, Note};
use crate::ves::encode::{View, forget, is_refused, not_noted, not_started, processors};
use crate::ves::place::{Source, made_state_folder};
use crate::ves::report::Summary;
use crate::ves::snapshot::Snapshot;
use crate::ves::{frames, job, remote_source};

/// A ladder with its files and its state.
struct Run<'a> {
    args: &'a EncodeArgs,
    request: wire::EncodeRequest,
    source: Source,
    tasks: Vec<Task>,
    config: OneShotConfig,
}

/// Encodes all rungs, and says how each went.
pub(in crate::ves) fn main(args: &EncodeArgs, ladder: &Ladder, paint: Paint) -> ExitCode {
    let board = RefCell::new(Board::new(&args.report, paint));
    let done = run(args, ladder, &board);
    let hint = "the same command goes on where this one stopped";
    board.borrow_mut().all().ended(done, hint)
}

fn run(args: &EncodeArgs, ladder: &Ladder, board: &RefCell<Board>) -> Result<(), Stop> {
    let (source, tasks) = ladder.tasks()?;
    let state = made_state_folder(args.state.state.as_deref())?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let in_use = InUse::begin(&state).map_err(|e| not_noted(&state, &e))?;
    let run = Run::of(args, ladder, (source, tasks), state.clone())?;
    let done = runtime.block_on(run.encode(board));
    drop(in_use);
    cache::trim_by_itself(&state);
    done
}

impl<'a> Run<'a> {
    fn of(
        args: &'a EncodeArgs,
        ladder: &Ladder,
        (source, tasks): (Source, Vec<Task>),
        state: PathBuf,
    ) -> Result<Self, Error> {
        let mut request = request(ladder, &source, &tasks, false);
        let key = ids::derived([
            request.encode_to_vec().as_slice(),
            source.identity.as_bytes(),
        ]);
        if args.run.overwrite {
            request = self::request(ladder, &source, &tasks, true);
        }
        request.idempotency_key = key.clone();
        let places = tasks.iter().filter_map(|task| task.files.as_ref().ok());
        let folders = places.filter_map(|(_, place)| Some(place.parent()?.to_owned()));
        let config = OneShotConfig {
            state: state.join(JOBS).join(key),
            blobs: state.join(CACHE),
            workers: args.run.workers.unwrap_or_else(processors),
            source_roots: source.folder().into_iter().collect(),
            servers: remote_source::servers([&source])?,
            output_roots: roots(folders),
            keep_ended: None,
        };
        Ok(Self {
            args,
            request,
            source,
            tasks,
            config,
        })
    }

    async fn encode(&self, board: &RefCell<Board>) -> Result<(), Stop> {
        let stop = signals::stop();
        let resumed = self.config.state.exists();
        let noted = cache::leave_note(&self.config.state, &self.note());
        noted.map_err(|error| not_noted(&self.config.state, &error))?;
        let ves = OneShot::encode(&self.config).await.map_err(not_started)?;
        let ended = self.follow(ves.requests(), resumed, &stop, board).await;
        if matches!(ended, Err(Stop::Interrupted)) {
            board.borrow_mut().all().stopping();
        }
        ves.shutdown().await;
        if ended.is_ok() || !resumed && is_refused(&ended) {
            // The next run of the same command begins anew, from the chunks that are done.
            forget(&self.config);
        }
        let done = ended.and_then(Self::done);
        if !matches!(done, Err(Stop::Failed(_))) {
            tell(board);
        }
        done
    }

    fn note(&self) -> Note {
        Note {
            input: self.source.path.display().to_string(),
            output: self.args.output.display().to_string(),
            began_unix_ms: SystemClock.now().unix_ms(),
        }
    }

    async fn follow(
        &self,
        requests: &Requests<VesService>,
        resumed: bool,
        stop: &CancellationToken,
        board: &RefCell<Board>,
    ) -> Result<Ended, Stop> {
        let id = requests
            .submit(&Caller::default(), self.request.clone())
            .await?;
        let frames = frames::of_source(&self.source).await;
        if resumed {
            let mut board = board.borrow_mut();
            board.all().say("going on where the last run stopped");
        }
        for (number, task) in self.tasks.iter().enumerate() {
            let mut board = board.borrow_mut();
            board.add(number, task.clone());
            if let Some(reporter) = board.of(number) {
                reporter.set_frames(frames);
                reporter.accepted(&id, resumed);
            }
        }
        let mut views = requests.watch(&id).await?;
        loop {
            let next = tokio::select! {
                next = views.next() => next,
                () = stop.cancelled() => return Err(Stop::Interrupted),
            };
            let lost = || Error::platform("LOST", "the request's state was lost");
            let view = next.ok_or_else(lost)??;
            let rungs = self.rungs(requests).await?;
            for (number, rung) in &rungs {
                board.borrow_mut().update(*number, Snapshot::of(rung));
            }
            self.tell_ends(&rungs, board);
            if view.state.is_final() {
                return Ok(Ended { view, rungs });
            }
        }
    }

    /// The requests of the rungs that were begun, each with its number.
    async fn rungs(&self, requests: &Requests<VesService>) -> Result<Vec<(usize, View)>, Error> {
        let page = Page {
            size: MAX_RUNGS as u32 * 4,
            token: String::new(),
        };
        let views = requests.list(&page).await?.views.into_iter();
        let numbered = views.filter_map(|view| {
            let name = view.request.labels.get(RUNG)?;
            let is_it = |task: &Task| task.rung.as_ref() == Some(name);
            Some((self.tasks.iter().position(is_it)?, view))
        });
        Ok(numbered.collect())
    }

    /// Tells what became of rungs that have ended, once.
    fn tell_ends(&self, rungs: &[(usize, View)], board: &RefCell<Board>) {
        let mut board = board.borrow_mut();
        for (number, rung) in rungs {
            if let Some(summary) = self.summary(*number, rung, &mut board) {
                board.encoded(*number, &summary);
            }
            if rung.state == State::Failed {
                board.failed(*number, rung.error.as_slice());
            }
        }
    }

    /// How the whole ended. What failed a rung has been told with it.
    fn done(ended: Ended) -> Result<(), Stop> {
        let Some(error) = ended.view.error else {
            return Ok(());
        };
        let failed = |(_, rung): &(usize, View)| rung.state == State::Failed;
        match ended.rungs.iter().any(failed) {
            true => Err(Stop::Told(vec![error])),
            false => Err(error.into()),
        }
    }

    fn summary(&self, number: usize, rung: &View, board: &mut Board) -> Option<Summary> {
        let response = rung.response.as_ref()?;
        let video = response.output_video.as_option()?.clone();
        let elapsed = board.of(number).map(|reporter| reporter.elapsed());
        Some(Summary {
            output: self.tasks[number].place(),
            source_bytes: Some(self.source.bytes),
            ..Summary::of(rung.id.clone(), video, elapsed.unwrap_or_default())
        })
    }
}

/// How a ladder ended, and each rung that was begun.
struct Ended {
    view: View,
    rungs: Vec<(usize, View)>,
}

fn request(
    ladder: &Ladder,
    source: &Source,
    tasks: &[Task],
    overwrite: bool,
) -> wire::EncodeRequest {
    let places = tasks.iter().filter_map(|task| task.files.as_ref().ok());
    let outputs = places.map(|(_, place)| job::target(place, overwrite));
    wire::EncodeRequest {
        video_source: Some(wire::VideoSource {
            uri: source.uri.clone(),
            ..Default::default()
        })
        .into(),
        recipe: Some(ladder.common.clone()).into(),
        ladder: Some(ladder.placed(outputs)).into(),
        ..Default::default()
    }
}
