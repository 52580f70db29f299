//! What an invocation reads, laid out below `input/`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use blob::list::ListReader;
use blob::{BlobRef, Value};
use errors::Error;
use stratum::{Content, Input, Invocation, ListInput, limits};

use crate::context::Context;
use crate::source::{self, Opened};
use crate::work_dir::{self, WorkDir};

/// How files of a list are numbered when their name does not say.
const NUMBER: &str = "%08d";

/// The inputs of an invocation, there to be read.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// Files outside the working directory that the function may read.
    pub(crate) readable: Vec<PathBuf>,
    /// Sources that must be the same at the end.
    pub(crate) sources: Vec<Opened>,
    /// Where frames are to be.
    pub(crate) frames: Option<PathBuf>,
    /// Whether a decoder runs beside the function.
    pub(crate) decoder: bool,
}

impl Staged {
    /// Fails when a source has changed while it was read.
    pub(crate) async fn unchanged(&self) -> Result<(), Error> {
        for source in &self.sources {
            source.unchanged().await?;
        }
        Ok(())
    }
}

pub(crate) async fn stage(
    context: &Context,
    dir: &WorkDir,
    invocation: &Invocation,
) -> Result<Staged, Error> {
    let mut staged = Staged::default();
    for input in &invocation.inputs {
        stage_one(context, dir, input, &mut staged).await?;
    }
    Ok(staged)
}

async fn stage_one(
    context: &Context,
    dir: &WorkDir,
    input: &Input,
    staged: &mut Staged,
) -> Result<(), Error> {
    let path = dir.input().join(input.name.as_str());
    make_parent(&path)?;
    match &input.content {
        Content::Blob(blob) => {
            let from = local_path(context, dir, blob).await?;
            staged.readable.extend(place(&from, &path)?);
        }
        Content::Source(source) => {
            let opened = source::open(context, source).await?;
            let from = opened.path();
            symlink(from, &path).map_err(|error| work_dir::io("link", &path, &error))?;
            staged.readable.push(from.to_owned());
            staged.sources.push(opened);
        }
        Content::Frames(frames) => {
            staged
                .sources
                .push(source::open(context, &frames.source).await?);
            staged.frames = Some(path);
        }
        Content::List(list) => {
            let readable = stage_list(context, dir, input.name.as_str(), list).await?;
            staged.readable.extend(readable);
        }
    }
    Ok(())
}

fn make_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| work_dir::io("create", parent, &error))
}

async fn local_path(context: &Context, dir: &WorkDir, blob: &BlobRef) -> Result<PathBuf, Error> {
    let found = async {
        let store = context.blobs.store(&blob.store)?;
        store.local_path(blob, &dir.scratch()).await
    };
    found.await.map_err(|error| {
        let message = format!("an input cannot be read: {error}");
        Error::platform("INPUT_LOST", message)
    })
}

/// Gives a blob its name as an input: a hard link, which the sandbox sees as a
/// file of the working directory; else a symbolic link, whose target is then returned.
fn place(from: &Path, to: &Path) -> Result<Option<PathBuf>, Error> {
    match fs::hard_link(from, to) {
        Ok(()) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("two inputs are named {}", to.display());
            return Err(Error::user("INPUT_NAMED_TWICE", message));
        }
        Err(_) => {}
    }
    let linked = symlink(from, to).map(|()| Some(from.to_owned()));
    linked.map_err(|error| work_dir::io("link", to, &error))
}

async fn stage_list(
    context: &Context,
    dir: &WorkDir,
    name: &str,
    input: &ListInput,
) -> Result<Vec<PathBuf>, Error> {
    if input.list.count > limits::LIST_FILES {
        let message = format!("{} files are too many for one input", input.list.count);
        return Err(Error::user("LIST_TOO_LONG", message));
    }
    let lost = |error| Error::platform("INPUT_LOST", format!("a list cannot be read: {error}"));
    let mut reader = ListReader::open(&context.blobs, input.list.clone())
        .await
        .map_err(lost)?;
    let pattern = pattern(name, &input.blob_name);
    make_parent(&dir.input().join(&pattern))?;
    let (mut readable, mut index) = (Vec::new(), 0);
    for page in 0..reader.page_count() {
        for element in reader.page(page).await.map_err(lost)?.to_vec() {
            if element.error.is_some() {
                // It failed, and was allowed to: its number has no file.
                index += 1;
                continue;
            }
            let blob = named(&element, &input.blob_name, index)?;
            let from = local_path(context, dir, blob).await?;
            let to = dir.input().join(numbered(&pattern, index));
            readable.extend(place(&from, &to)?);
            index += 1;
        }
    }
    Ok(readable)
}

fn named<'a>(element: &'a Value, name: &str, index: u64) -> Result<&'a BlobRef, Error> {
    element.blob(name).ok_or_else(|| {
        let message = format!("element {index} has no blob named {name}");
        Error::platform("INPUT_LOST", message)
    })
}

/// "chunks/" and "encoding.264" are "chunks/%08d.264".
fn pattern(name: &str, blob_name: &str) -> String {
    if name.contains(NUMBER) {
        return name.to_owned();
    }
    let directory = name.strip_suffix('/').unwrap_or(name);
    let extension = Path::new(blob_name).extension();
    let extension = extension.map(|e| format!(".{}", e.to_string_lossy()));
    format!("{directory}/{NUMBER}{}", extension.unwrap_or_default())
}

fn numbered(pattern: &str, index: u64) -> String {
    pattern.replacen(NUMBER, &format!("{index:08}"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_list_are_numbered() {
        for (name, blob_name, expected) in [
            ("chunks/", "encoding.264", "chunks/00000007.264"),
            ("chunks", "encoding.264", "chunks/00000007.264"),
            ("units/%08d.bin", "units.json", "units/00000007.bin"),
            ("raw/", "raw", "raw/00000007"),
        ] {
            assert_eq!(numbered(&pattern(name, blob_name), 7), expected);
        }
    }
}
