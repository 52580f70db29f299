//! The files that are named, and those in the folders that are named.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use errors::Error;

use crate::ves::place::{input_problem, shown};

/// Files of one batch.
pub(in crate::ves) const MAX_FILES: usize = 10_000;
/// Folders within folders.
const MAX_DEPTH: usize = 32;

/// Extensions of files that are taken for videos when a folder is named; a file that is named
/// itself may be called anything.
const VIDEOS: [&str; 28] = [
    "264", "265", "3gp", "asf", "avc", "avi", "dv", "flv", "h264", "h265", "hevc", "ivf", "m2ts",
    "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "obu", "ogv", "ts", "vob", "webm",
    "wmv", "y4m",
];

/// A file to encode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ves) struct Item {
    pub input: PathBuf,
    /// Where it lies below the folder that was named.
    pub dir: PathBuf,
    /// Whether it was named itself.
    pub named: bool,
}

/// The files, each once, in the order in which they were named; those of a folder by name.
pub(in crate::ves) fn items(inputs: &[PathBuf], recursive: bool) -> Result<Vec<Item>, Vec<Error>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for input in inputs {
        match input.is_dir() {
            false => found.push(Item {
                input: input.clone(),
                dir: PathBuf::new(),
                named: true,
            }),
            true => match below(input, recursive) {
                Ok(items) if items.is_empty() => problems.push(no_videos(input, recursive)),
                Ok(items) => found.extend(items),
                Err(error) => problems.push(error),
            },
        }
    }
    let mut known = HashSet::new();
    found.retain(|item| known.insert(item.input.canonicalize().unwrap_or(item.input.clone())));
    if found.len() > MAX_FILES {
        problems.push(too_many(found.len()));
    }
    problems.is_empty().then_some(found).ok_or(problems)
}

/// The videos in a folder, by name; with `recursive` in the folders below it too.
pub(in crate::ves) fn below(folder: &Path, recursive: bool) -> Result<Vec<Item>, Error> {
    let mut found = Vec::new();
    let depth = if recursive { MAX_DEPTH } else { 1 };
    collect(folder, Path::new(""), depth, &mut found)
        .map_err(|error| unreadable(folder, &error))?;
    found.sort_by(|a, b| (&a.dir, &a.input).cmp(&(&b.dir, &b.input)));
    Ok(found)
}

fn collect(folder: &Path, dir: &Path, depth: usize, found: &mut Vec<Item>) -> io::Result<()> {
    if depth == 0 || found.len() > MAX_FILES {
        return Ok(());
    }
    for entry in fs::read_dir(folder.join(dir))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Links to folders could lead in circles.
        if entry.file_type()?.is_dir() {
            collect(folder, &dir.join(&name), depth - 1, found)?;
        } else if is_video(&entry.path()) && entry.path().is_file() {
            found.push(Item {
                input: entry.path(),
                dir: dir.to_owned(),
                named: false,
            });
        }
    }
    Ok(())
}

fn is_video(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    VIDEOS.contains(&&*extension.to_ascii_lowercase())
}

fn no_videos(folder: &Path, recursive: bool) -> Error {
    let hint = match recursive {
        true => "name the files themselves if their extensions are unusual",
        false => "add --recursive to look into the folders below it, or name the files themselves",
    };
    input_problem("NO_VIDEOS", folder, "holds no video files", hint)
}

fn unreadable(folder: &Path, error: &io::Error) -> Error {
    let hint = "give your user the right to read it, and all folders below it";
    let why = format!("cannot be listed: {error}");
    input_problem("SOURCE_NOT_READABLE", folder, &why, hint)
}

fn too_many(files: usize) -> Error {
    let files = shown(Path::new(&files.to_string()));
    Error::user(
        "TOO_MANY_FILES",
        format!("{files} files are more than {MAX_FILES}, the most of one command"),
    )
    .at("video_source.uri")
    .hint("encode the folders one after the other")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("x/.hidden")).unwrap();
        let files = [
            "b.MKV",
            "a.mp4",
            "notes.txt",
            ".a.mp4",
            "x/c.mov",
            "x/.hidden/d.mp4",
        ];
        for name in files {
            fs::write(folder.path().join(name), "video").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("x/loop.mp4")).unwrap();
        folder
    }

    fn names(folder: &Path, inputs: &[&str], recursive: bool) -> Vec<String> {
        let inputs: Vec<_> = inputs.iter().map(|input| folder.join(input)).collect();
        let items = items(&inputs, recursive).unwrap();
        let name = |item: &Item| {
            item.input
                .strip_prefix(folder)
                .unwrap()
                .display()
                .to_string()
        };
        items.iter().map(name).collect()
    }

    #[test]
    fn a_folder_stands_for_its_videos() {
        let folder = folder();
        assert_eq!(names(folder.path(), &[""], false), ["a.mp4", "b.MKV"]);
        let all = ["a.mp4", "b.MKV", "x/c.mov"];
        assert_eq!(names(folder.path(), &[""], true), all);
        let twice = ["b.MKV", "", "x/../a.mp4"];
        assert_eq!(names(folder.path(), &twice, false), ["b.MKV", "a.mp4"]);
        assert_eq!(names(folder.path(), &["notes.txt"], false), ["notes.txt"]);
    }

    #[test]
    fn where_a_file_lies_is_told_from_the_folder_that_was_named() {
        let folder = folder();
        let found = below(folder.path(), true).unwrap();
        assert_eq!(found[2].dir, Path::new("x"));
        assert_eq!(found[0].dir, Path::new(""));
    }

    #[test]
    fn a_folder_without_videos_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let problems = items(&[folder.path().to_owned()], false).unwrap_err();
        assert_eq!(problems[0].code, "NO_VIDEOS");
    }
}
