//! What a batch that failed in part has done, so that the same command does the rest.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plan::Task;

/// In the folder of the batch's state.
const FILE: &str = "done.json";
/// The longest such file, in bytes: what is longer is none of ours.
const MAX_BYTES: u64 = 64 << 20;

/// Files that are encoded: where they were put, and of what source, as it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done(BTreeSet<(String, String)>);

impl Done {
    /// What an earlier run has left; nothing, if that cannot be read.
    pub(super) fn read(state: &Path) -> Self {
        let path = state.join(FILE);
        let short = fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_BYTES);
        let bytes = fs::read(path).ok().filter(|_| short).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Leaves it to a later run.
    pub(super) fn write(&self, state: &Path) -> io::Result<()> {
        fs::create_dir_all(state)?;
        fs::write(state.join(FILE), serde_json::to_vec(self)?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A file is encoded.
    pub(super) fn add(&mut self, task: &Task) {
        self.0.extend(key(task));
    }

    /// Whether a file was encoded, is as it was, and its output still there.
    pub(super) fn holds(&self, task: &Task) -> bool {
        let is_there = task.output.symlink_metadata().is_ok();
        is_there && key(task).is_some_and(|key| self.0.contains(&key))
    }
}

fn key(task: &Task) -> Option<(String, String)> {
    let (source, place) = task.files.as_ref().ok()?;
    Some((place.display().to_string(), source.identity.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use super::*;
    use crate::ves::batch::Item;
    use crate::ves::place::Source;

    fn task(output: &Path, identity: &str) -> Task {
        let source = Source {
            path: PathBuf::from("/a.mkv"),
            uri: "file:///a.mkv".into(),
            server: None,
            bytes: 1,
            identity: identity.into(),
        };
        Task {
            item: Item {
                input: PathBuf::from("/a.mkv"),
                dir: PathBuf::new(),
                named: true,
            },
            output: output.to_owned(),
            files: Ok((source, output.to_owned())),
            rung: None,
        }
    }

    #[test]
    fn what_is_done_is_known_as_long_as_nothing_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (state, output) = (folder.path().join("state"), folder.path().join("a.mp4"));
        assert_eq!(Done::read(&state), Done::default());
        let mut done = Done::default();
        done.add(&task(&output, "one"));
        done.write(&state).unwrap();
        let read = Done::read(&state);
        assert!(!read.holds(&task(&output, "one")), "the output is gone");
        fs::write(&output, "video").unwrap();
        assert!(read.holds(&task(&output, "one")));
        assert!(!read.holds(&task(&output, "another")));
        fs::write(state.join(FILE), "no json").unwrap();
        assert_eq!(Done::read(&state), Done::default());
    }
}
