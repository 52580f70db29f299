//! Where the files of one encode are.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use errors::Error;

use super::args::EncodeArgs;
use super::container;

/// The files of one encode, as absolute paths.
#[derive(Debug)]
pub(super) struct Places {
    pub source: PathBuf,
    pub source_bytes: u64,
    /// Tells the source from a changed one of the same name.
    pub source_identity: String,
    pub output: PathBuf,
    /// Unfinished work and the chunk cache of the user.
    pub state: PathBuf,
}

impl Places {
    /// Looks at the files; every problem at once.
    pub(super) fn of(args: &EncodeArgs) -> Result<Self, Vec<Error>> {
        let (source, output) = (source(&args.input), output(&args.output));
        let mut problems = Vec::new();
        let mut keep = |error| problems.push(error);
        let found = source.map_err(&mut keep).ok();
        let output = output.map_err(&mut keep).ok();
        container::check(&args.output, args.container).unwrap_or_else(&mut keep);
        let state = state(args).map_err(&mut keep).ok();
        match (found, output, state) {
            (Some((source, meta)), Some(output), Some(state)) if problems.is_empty() => Ok(Self {
                source,
                source_bytes: meta.len(),
                source_identity: identity(&meta),
                output,
                state,
            }),
            _ => Err(problems),
        }
    }
}

fn source(path: &Path) -> Result<(PathBuf, fs::Metadata), Error> {
    let shown = path.display();
    let found = path
        .canonicalize()
        .and_then(|path| Ok((path.clone(), fs::metadata(path)?)));
    let (path, meta) = found.map_err(|error| {
        Error::user(
            "SOURCE_NOT_READABLE",
            format!("cannot read {shown}: {error}"),
        )
        .at("input")
    })?;
    match meta.is_file() {
        true => Ok((path, meta)),
        false => {
            Err(Error::user("SOURCE_NOT_A_FILE", format!("{shown} is not a file")).at("input"))
        }
    }
}

/// The output need not be there, but its folder must.
fn output(path: &Path) -> Result<PathBuf, Error> {
    let wrong = |code, problem: String| Err(Error::user(code, problem).at("output"));
    let Some(name) = path.file_name() else {
        return wrong(
            "OUTPUT_NOT_A_FILE",
            format!("{} names no file", path.display()),
        );
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match folder.canonicalize() {
        Ok(folder) if folder.is_dir() => Ok(folder.join(name)),
        Ok(_) => wrong(
            "OUTPUT_FOLDER",
            format!("{} is not a folder", folder.display()),
        ),
        Err(error) => wrong(
            "OUTPUT_FOLDER",
            format!("cannot use the folder {}: {error}", folder.display()),
        ),
    }
}

fn identity(meta: &fs::Metadata) -> String {
    let (changed, modified) = (
        (meta.ctime(), meta.ctime_nsec()),
        (meta.mtime(), meta.mtime_nsec()),
    );
    format!(
        "{}:{}:{}:{modified:?}:{changed:?}",
        meta.dev(),
        meta.ino(),
        meta.len()
    )
}

/// The folder asked for, or `ves` below the user's state folder (XDG base directories).
fn state(args: &EncodeArgs) -> Result<PathBuf, Error> {
    let chosen = args.state.clone().or_else(user_state);
    let folder = chosen.ok_or_else(|| {
        Error::user("NO_STATE_FOLDER", "neither HOME nor XDG_STATE_HOME is set")
            .at("state")
            .hint("name a folder with --state")
    })?;
    let made = fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
    made.map_err(|error| {
        Error::user(
            "STATE_FOLDER",
            format!("cannot use the folder {}: {error}", folder.display()),
        )
        .at("state")
    })
}

fn user_state() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(base.join("ves"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::ves::args::{Command, Ves};

    fn args(input: &Path, output: &Path, state: &Path) -> EncodeArgs {
        let words: [&std::ffi::OsStr; 7] = [
            "ves".as_ref(),
            "encode".as_ref(),
            input.as_ref(),
            "-o".as_ref(),
            output.as_ref(),
            "--state".as_ref(),
            state.as_ref(),
        ];
        let Command::Encode(args) = Ves::parse_from(words).command;
        args
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let problems =
            Places::of(&args(&at("no.mp4"), &at("no/out.mp4"), &at("state"))).unwrap_err();
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, ["SOURCE_NOT_READABLE", "OUTPUT_FOLDER"]);
    }

    #[test]
    fn a_changed_source_is_another_source() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("in.mp4"), "one").unwrap();
        let places = || Places::of(&args(&at("in.mp4"), &at("out.mp4"), &at("state"))).unwrap();
        let before = places();
        fs::write(at("in.mp4"), "other").unwrap();
        assert_ne!(before.source_identity, places().source_identity);
        assert_eq!(
            before.output,
            at("out.mp4")
                .parent()
                .unwrap()
                .canonicalize()
                .unwrap()
                .join("out.mp4")
        );
    }
}
