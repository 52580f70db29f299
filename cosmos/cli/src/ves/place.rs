//! Where the files of one encode are, and whether they can be used.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use blob::FileUri;
use errors::Error;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use sources::RemoteConfig;

use super::args::RecipeArgs;
use super::container;
use super::remote_source as remote;
use crate::explain::one_line;

/// The files of one encode, as absolute paths.
#[derive(Debug)]
pub(super) struct Places {
    pub source: Source,
    pub output: PathBuf,
    /// Unfinished work and the chunk cache of the user.
    pub state: PathBuf,
}

/// A file, or an object of a server, to read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Of an object, its URI.
    pub path: PathBuf,
    pub uri: String,
    /// Where an object is read; `None` for a file.
    pub server: Option<RemoteConfig>,
    pub bytes: u64,
    /// Tells the source from a changed one of the same name.
    pub identity: String,
}

/// The source and where its encode would be; nothing is made, and every problem told at once.
/// Folders below `root` need not be there yet.
pub(super) fn files(
    input: &Path,
    output: &Path,
    recipe: &RecipeArgs,
    root: Option<&Path>,
) -> Result<(Source, PathBuf), Vec<Error>> {
    let source = source(input);
    let output = place_for(output, recipe, source.as_ref().ok(), root);
    match (source, output) {
        (Ok(source), Ok(output)) => Ok((source, output)),
        (source, output) => Err([source.err(), output.err()].into_iter().flatten().collect()),
    }
}

/// The source of this name, which is there and can be read.
pub(super) fn source(input: &Path) -> Result<Source, Error> {
    match remote::is_meant(input) {
        Some(uri) => remote::source(uri),
        None => Source::at(input),
    }
}

pub(super) fn input_problem(code: &str, path: &Path, why: &str, hint: &str) -> Error {
    Error::user(code, format!("{} {why}", shown(path)))
        .at("video_source.uri")
        .hint(hint)
}

pub(super) fn output_problem(code: &str, path: &Path, why: &str, hint: impl Into<String>) -> Error {
    Error::user(code, format!("{} {why}", shown(path)))
        .at("output.uri")
        .hint(hint)
}

pub(super) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

impl Source {
    /// The file, for what reads files alone.
    pub(super) fn file(&self) -> Result<&Path, Error> {
        match self.server {
            None => Ok(&self.path),
            Some(_) => Err(input_problem(
                "SOURCE_NOT_A_FILE",
                &self.path,
                "is on another machine, and only files are read here",
                "`ves encode` reads it without --dry-run; else download it first",
            )),
        }
    }

    /// The folder of a file; nothing for an object.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let file = self.server.is_none().then_some(&self.path)?;
        Some(file.parent().unwrap_or(file).to_owned())
    }

    /// The file at `path`, which is there and can be read.
    pub(super) fn at(path: &Path) -> Result<Self, Error> {
        let found = path
            .canonicalize()
            .and_then(|real| Ok((fs::metadata(&real)?, real)));
        let (meta, real) = found.map_err(|error| unreadable(path, &error))?;
        refuse_useless(path, &meta)?;
        fs::File::open(&real).map_err(|error| unreadable(path, &error))?;
        Ok(Self {
            identity: identity(&meta),
            bytes: meta.len(),
            uri: FileUri::of(&real).map_or_else(String::new, |uri| uri.to_string()),
            server: None,
            path: real,
        })
    }
}

fn refuse_useless(path: &Path, meta: &fs::Metadata) -> Result<(), Error> {
    if meta.is_dir() {
        let hint = "name a video file in it";
        return Err(input_problem(
            "SOURCE_NOT_A_FILE",
            path,
            "is a folder",
            hint,
        ));
    }
    if !meta.is_file() {
        return Err(input_problem(
            "SOURCE_NOT_A_FILE",
            path,
            "is a device, a pipe or a socket",
            "a source is read in many pieces at once; write it to a file first",
        ));
    }
    if meta.len() == 0 {
        let hint = "name a file that was written to its end";
        return Err(input_problem("SOURCE_EMPTY", path, "is empty", hint));
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let problem = |why: &str, hint: &str| input_problem("SOURCE_NOT_READABLE", path, why, hint);
    if let Some(error) = not_a_path(path) {
        return error;
    }
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            problem("does not exist", "check the name and the folder")
        }
        io::ErrorKind::PermissionDenied => problem(
            "may not be read",
            "give your user the right to read it and its folders",
        ),
        _ => problem(
            &format!("cannot be read: {error}"),
            "see that its disk is there",
        ),
    }
}

/// What people take for a file elsewhere.
fn not_a_path(path: &Path) -> Option<Error> {
    let text = path.to_string_lossy();
    let url = text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let (why, hint) = match &*text {
        "-" => (
            "would be standard input, which can be read only once",
            "write it to a file first",
        ),
        _ if url => (
            "is a URL, and only files are read here",
            "`ves encode` reads http, https and s3; else download it first",
        ),
        _ => return None,
    };
    Some(input_problem("SOURCE_NOT_A_FILE", path, why, hint))
}

/// The output need not be there, but its folder must, or `root`, below which it will be made.
pub(super) fn place_for(
    path: &Path,
    recipe: &RecipeArgs,
    source: Option<&Source>,
    root: Option<&Path>,
) -> Result<PathBuf, Error> {
    let named = match (path.file_name(), ends_in_slash(path)) {
        (Some(name), false) => name,
        _ => return Err(is_a_folder(path)),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (real, missing) = standing(folder, root)?;
    let place = real.join(missing).join(named);
    refuse_unwritable(folder, &real)?;
    refuse_taken(path, &place, source)?;
    container::check(path, recipe)?;
    Ok(place)
}

/// What is there of a folder, and what will have to be made in it, if anything below `root` may be.
fn standing<'a>(folder: &'a Path, root: Option<&Path>) -> Result<(PathBuf, &'a Path), Error> {
    let made = root.and_then(|root| folder.strip_prefix(root).ok());
    let parts = made.map_or(0, |made| made.components().count());
    let ancestors = folder.ancestors().take(parts + 1);
    let there = ancestors.clone().find(|ancestor| ancestor.exists());
    let there = there.or(ancestors.last()).unwrap_or(folder);
    let real = match there.as_os_str().is_empty() {
        true => Path::new(".").canonicalize(),
        false => there.canonicalize(),
    };
    let real = real.map_err(|error| no_folder(there, &error))?;
    Ok((real, folder.strip_prefix(there).unwrap_or(Path::new(""))))
}

fn ends_in_slash(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || matches!(path.components().next_back(), Some(Component::CurDir))
}

fn is_a_folder(path: &Path) -> Error {
    let example = path.join("film.mp4");
    let hint = format!("name a file in it: {}", shown(&example));
    output_problem("OUTPUT_IS_A_FOLDER", path, "is a folder", hint)
}

pub(super) fn no_folder(folder: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => output_problem(
            "OUTPUT_FOLDER",
            folder,
            "does not exist, and the output would lie in it",
            format!("create it first: mkdir -p {}", shown(folder)),
        ),
        _ => output_problem(
            "OUTPUT_FOLDER",
            folder,
            &format!("cannot hold the output: {error}"),
            "name a file in a folder that you can write to",
        ),
    }
}

fn refuse_unwritable(folder: &Path, real: &Path) -> Result<(), Error> {
    if !real.is_dir() {
        let hint = "name a file in a folder";
        return Err(output_problem(
            "OUTPUT_FOLDER",
            folder,
            "is not a folder",
            hint,
        ));
    }
    let writable = accessat(
        CWD,
        real,
        Access::WRITE_OK | Access::EXEC_OK,
        AtFlags::empty(),
    );
    writable.map_err(|error| {
        output_problem(
            "OUTPUT_NOT_WRITABLE",
            folder,
            &format!("may not be written to: {}", io::Error::from(error)),
            "choose another folder, or give your user the right to write to it",
        )
    })
}

fn refuse_taken(path: &Path, place: &Path, source: Option<&Source>) -> Result<(), Error> {
    let Ok(meta) = place.metadata() else {
        return Ok(());
    };
    if meta.is_dir() {
        return Err(is_a_folder(path));
    }
    let same = source.is_some_and(|source| source.identity == identity(&meta));
    match same {
        true => Err(output_problem(
            "OUTPUT_IS_SOURCE",
            path,
            "is the source itself",
            "choose another name; the source is never touched",
        )),
        false => Ok(()),
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

/// The folder asked for, or `ves` below the user's state folder (XDG base directories). It need
/// not be there.
pub(super) fn state_folder(asked: Option<&Path>) -> Result<PathBuf, Error> {
    let chosen = asked.map(Path::to_owned).or_else(user_state);
    chosen.ok_or_else(|| {
        Error::user("NO_STATE_FOLDER", "neither HOME nor XDG_STATE_HOME is set")
            .at("--state")
            .hint("name a folder with --state")
    })
}

pub(super) fn made_state_folder(asked: Option<&Path>) -> Result<PathBuf, Error> {
    let folder = state_folder(asked)?;
    let made = fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
    made.map_err(|error| {
        let message = format!("{} cannot be used: {error}", shown(&folder));
        Error::user("STATE_FOLDER", message)
            .at("--state")
            .hint("name another folder with --state, on a disk with room for the chunks")
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
    use super::*;

    struct World(tempfile::TempDir);

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("in.mp4"), "one").unwrap();
            fs::write(folder.path().join("empty.mp4"), "").unwrap();
            Self(folder)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn files(&self, input: &Path, output: &Path) -> Result<(Source, PathBuf), Vec<Error>> {
            files(input, output, &RecipeArgs::default(), None)
        }

        fn codes(&self, input: &Path, output: &Path) -> Vec<String> {
            let problems = self.files(input, output).unwrap_err();
            assert!(problems.iter().all(|problem| problem.hint.is_some()));
            problems.into_iter().map(|problem| problem.code).collect()
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let world = World::new();
        let codes = world.codes(&world.at("no.mp4"), &world.at("no/out.mp4"));
        assert_eq!(codes, ["SOURCE_NOT_READABLE", "OUTPUT_FOLDER"]);
    }

    #[test]
    fn what_cannot_be_a_source_is_refused() {
        let world = World::new();
        let table = [
            (world.at("no.mp4"), "SOURCE_NOT_READABLE"),
            (world.at("in.mp4/x.mp4"), "SOURCE_NOT_READABLE"),
            (world.at(""), "SOURCE_NOT_A_FILE"),
            (world.at("empty.mp4"), "SOURCE_EMPTY"),
            ("/dev/null".into(), "SOURCE_NOT_A_FILE"),
            ("-".into(), "SOURCE_NOT_A_FILE"),
            ("ftp://example.org/in.mp4".into(), "SOURCE_NOT_A_FILE"),
            ("https://example.org/in.mp4?token=1".into(), "URI_MALFORMED"),
            ("s3://masters".into(), "URI_MALFORMED"),
        ];
        for (input, code) in table {
            assert_eq!(world.codes(&input, &world.at("out.mp4")), [code]);
        }
    }

    #[test]
    fn what_cannot_be_an_output_is_refused() {
        let world = World::new();
        fs::hard_link(world.at("in.mp4"), world.at("same.mp4")).unwrap();
        fs::create_dir(world.at("folder.mp4")).unwrap();
        let table = [
            ("no/out.mp4", "OUTPUT_FOLDER"),
            ("in.mp4/out.mp4", "OUTPUT_FOLDER"),
            ("folder.mp4", "OUTPUT_IS_A_FOLDER"),
            ("new/", "OUTPUT_IS_A_FOLDER"),
            ("..", "OUTPUT_IS_A_FOLDER"),
            ("in.mp4", "OUTPUT_IS_SOURCE"),
            ("same.mp4", "OUTPUT_IS_SOURCE"),
            ("out.MOV", "OUTPUT_EXTENSION"),
        ];
        for (output, code) in table {
            let codes = world.codes(&world.at("in.mp4"), &world.at(output));
            assert_eq!(codes, [code], "{output}");
        }
        for output in ["out.mp4", "out.m4v", "out", "out.v2"] {
            assert!(world.files(&world.at("in.mp4"), &world.at(output)).is_ok());
        }
    }

    #[test]
    fn folders_below_a_root_need_not_be_there() {
        let world = World::new();
        let input = world.at("in.mp4");
        let place = |output: &str, root: &str| {
            let root = world.at(root);
            files(
                &input,
                &world.at(output),
                &RecipeArgs::default(),
                Some(&root),
            )
        };
        let (_, output) = place("x/y/out.mp4", "").unwrap();
        assert_eq!(
            output,
            world.0.path().canonicalize().unwrap().join("x/y/out.mp4")
        );
        assert_eq!(
            place("x/y/out.mp4", "x").unwrap_err()[0].code,
            "OUTPUT_FOLDER"
        );
        let below_a_file = place("in.mp4/y/out.mp4", "").unwrap_err();
        assert_eq!(below_a_file[0].code, "OUTPUT_FOLDER");
    }

    #[test]
    fn a_changed_source_is_another_source() {
        let world = World::new();
        let found = || {
            let (input, output) = (world.at("in.mp4"), world.at("out.mp4"));
            world.files(&input, &output).unwrap()
        };
        let (before, output) = found();
        fs::write(world.at("in.mp4"), "other").unwrap();
        assert_ne!(before.identity, found().0.identity);
        let folder = world.0.path().canonicalize().unwrap();
        assert_eq!(output, folder.join("out.mp4"));
    }

    #[test]
    fn names_cannot_write_to_the_terminal() {
        let world = World::new();
        let evil = world.at("\u{1b}]0;owned\u{7}\n.mp4");
        let problem = world.files(&evil, &world.at("out.mp4")).unwrap_err();
        assert!(!problem[0].message.chars().any(char::is_control));
    }
}
