//! Every role in this process, for several files.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use daemon::{OneShot, OneShotConfig};
use errors::Error;
use optimus::Caller;
use tokio_util::sync::CancellationToken;
use ves_api::service::VesService;

use super::board::Board;
use super::plan::Task;
use crate::stop::Stop;
use crate::ves::args::RecipeArgs;
use crate::ves::encode::{View, not_started, summary};
use crate::ves::follow::follow;
use crate::ves::frames;
use crate::ves::job::Job;
use crate::ves::place::Places;

/// The roles at work.
pub(in crate::ves) struct Engine<'a> {
    pub ves: OneShot<VesService>,
    pub recipe: &'a RecipeArgs,
    pub overwrite: bool,
    pub state: PathBuf,
    pub board: &'a RefCell<Board>,
    pub stop: CancellationToken,
}

/// Starts every role.
pub(in crate::ves) async fn start(config: &OneShotConfig) -> Result<OneShot<VesService>, Error> {
    OneShot::encode(config).await.map_err(not_started)
}

impl Engine<'_> {
    /// Encodes one of the files, and tells how it went.
    pub(in crate::ves) async fn encode(&self, number: usize, task: &Task) -> Result<(), Stop> {
        let view = match self.submit(task).await {
            Ok((places, id)) => self.view(number, places, id).await,
            Err(stop) => Err(stop),
        };
        self.tell(number, view)
    }

    /// The same, unless it was encoded, or failed, before: nothing is told of that.
    pub(in crate::ves) async fn encode_once(&self, number: usize, task: &Task) -> Result<(), Stop> {
        let submitted = self.submit(task).await;
        if let Ok((_, id)) = &submitted {
            let before = self.ves.requests().get(id).await;
            if before.is_ok_and(|view| view.state.is_final()) {
                return Ok(());
            }
        }
        self.board.borrow_mut().add(number, task.clone());
        let view = match submitted {
            Ok((places, id)) => self.view(number, places, id).await,
            Err(stop) => Err(stop),
        };
        self.tell(number, view)
    }

    fn tell(&self, number: usize, view: Result<(Places, View), Stop>) -> Result<(), Stop> {
        let mut board = self.board.borrow_mut();
        let elapsed = board.of(number).map(|reporter| reporter.elapsed());
        let done =
            view.and_then(|(places, view)| summary(view, &places, elapsed.unwrap_or_default()));
        match &done {
            Ok(summary) => board.encoded(number, summary),
            Err(Stop::Failed(errors) | Stop::Told(errors)) => board.failed(number, errors),
            Err(Stop::Interrupted) => {}
        }
        done.map(drop)
    }

    /// Hands it in; the answer is its id, which is always the same for the same.
    async fn submit(&self, task: &Task) -> Result<(Places, String), Stop> {
        let (source, output) = task.files.clone()?;
        let places = Places {
            source,
            output,
            state: self.state.clone(),
        };
        make_folder(&places.output)?;
        let job = Job::of(self.recipe, self.overwrite, &places);
        let requests = self.ves.requests();
        let id = requests.submit(&Caller::default(), job.request).await?;
        Ok((places, id))
    }

    async fn view(
        &self,
        number: usize,
        places: Places,
        id: String,
    ) -> Result<(Places, View), Stop> {
        let frames = frames::of_source(&places.source).await;
        if let Some(reporter) = self.board.borrow_mut().of(number) {
            reporter.set_frames(frames);
            reporter.accepted(&id, false);
        }
        let mut heard = |now| self.board.borrow_mut().update(number, now);
        let view = follow(self.ves.requests(), &id, &mut heard, &self.stop).await?;
        Ok((places, view))
    }
}

fn make_folder(output: &Path) -> Result<(), Error> {
    let folder = output.parent().unwrap_or(output);
    fs::create_dir_all(folder).map_err(|error| {
        let message = format!("{} cannot be made: {error}", folder.display());
        Error::user("OUTPUT_FOLDER", message)
            .at("output.uri")
            .hint("choose another folder, or give your user the right to write to it")
    })
}

/// The folders without those below another of them.
pub(in crate::ves) fn roots(folders: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = folders.into_iter().collect();
    // Whatever lies below a folder comes right behind it.
    folders.sort();
    folders.dedup_by(|next, kept| next.starts_with(kept));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_those_below_it() {
        let folders = ["/b", "/a/b", "/a", "/a/b/c", "/ab"].map(PathBuf::from);
        let expected = ["/a", "/ab", "/b"].map(PathBuf::from);
        assert_eq!(roots(folders), expected);
    }
}
