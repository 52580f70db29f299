//! Local files as the inputs of an invocation.

use std::fs::{self, File};
use std::path::Path;

use blob::{Blobs, FileUri};
use errors::{Error, FrameRange};
use futures::future::try_join_all;
use stratum::{Content, FileName, FrameInput, Function, Input, InputKind, Source, SourceIdentity};
use stratum_frames::{Tools, build_table};

use super::args::{Given, InputArg, Range};
use crate::explain::one_line;

/// What decoded frames are called where nothing else is said.
const FRAMES: &str = "source.y4m";

/// A file that is there, by its name below `input/`.
pub(in crate::cosmos) struct LocalFile {
    name: FileName,
    source: Source,
    frames: bool,
}

/// Every file; all problems at once.
pub(in crate::cosmos) fn local(
    function: &Function,
    given: &Given,
) -> Result<Vec<LocalFile>, Vec<Error>> {
    let streams = function.input != InputKind::File;
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for (number, input) in given.inputs.iter().enumerate() {
        match local_file(input, streams && number == 0) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(unsuitable(function, given));
    if problems.is_empty() {
        return Ok(files);
    }
    Err(problems)
}

/// What the function does not take.
fn unsuitable(function: &Function, given: &Given) -> Option<Error> {
    let decoding = given.range.is_some() || given.pixel_format.is_some();
    match function.input {
        InputKind::File if decoding => Some(
            Error::user("NOTHING_IS_DECODED", "the function reads whole files")
                .at("--range, --pixel-format")
                .hint("leave them out, or declare `input: stream` in function.yaml"),
        ),
        InputKind::Stream | InputKind::Frames if given.inputs.is_empty() => Some(
            Error::user(
                "NO_INPUT",
                "the function reads frames, and no file is named",
            )
            .at("--input")
            .hint("name a video: --input FILE"),
        ),
        _ => None,
    }
}

fn local_file(input: &InputArg, frames: bool) -> Result<LocalFile, Error> {
    let unreadable = |why: String| {
        let file = one_line(&input.file.display().to_string());
        Error::user("INPUT_UNREADABLE", format!("{file} {}", one_line(&why))).at("--input")
    };
    let opened = input.file.canonicalize();
    let opened = opened.and_then(|real| File::open(&real).map(|_| real));
    let real = opened.map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let metadata = fs::metadata(&real).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("is not a file".into()));
    }
    let uri = FileUri::of(&real).ok_or_else(|| unreadable("has no name in UTF-8".into()))?;
    Ok(LocalFile {
        name: name(input, frames).map_err(|error| unreadable(error.to_string()))?,
        source: Source {
            uri: uri.to_string(),
            identity: SourceIdentity::from(&metadata),
        },
        frames,
    })
}

fn name(input: &InputArg, frames: bool) -> Result<FileName, stratum::InvalidName> {
    match &input.name {
        Some(name) => Ok(name.clone()),
        None if frames => FileName::new(FRAMES),
        None => FileName::new(&input.file.file_name().unwrap_or_default().to_string_lossy()),
    }
}

/// All of them, as inputs.
pub(in crate::cosmos) async fn put(
    files: Vec<LocalFile>,
    blobs: &Blobs,
    given: &Given,
) -> Result<Vec<Input>, Error> {
    let inputs = files.into_iter().map(|file| file.into_input(blobs, given));
    try_join_all(inputs).await
}

impl LocalFile {
    /// Bytes of the whole file.
    pub(in crate::cosmos) fn size(&self) -> u64 {
        self.source.identity.size
    }

    /// Whether frames of it are read, and not the file.
    pub(in crate::cosmos) fn has_frames(&self) -> bool {
        self.frames
    }

    /// As an input; frames are counted in a frame table first, which is put into `blobs`.
    async fn into_input(self, blobs: &Blobs, given: &Given) -> Result<Input, Error> {
        let content = match self.frames {
            true => Content::Frames(frames(self.source, blobs, given).await?),
            false => Content::Source(self.source),
        };
        Ok(Input {
            name: self.name,
            content,
        })
    }
}

async fn frames(source: Source, blobs: &Blobs, given: &Given) -> Result<FrameInput, Error> {
    let uri: Result<FileUri, _> = source.uri.parse();
    let path = uri.map_err(|error| Error::user("INPUT_UNREADABLE", error.to_string()))?;
    let tools = Tools::locate().map_err(ves_media::failure)?;
    let table = build_table(&tools, path.path()).await;
    let table = table.map_err(ves_media::failure)?;
    let range = range(given.range, table.len(), path.path())?;
    let put = blobs
        .home()
        .put(table.encode().into(), "application/octet-stream");
    let frame_table = put.await;
    Ok(FrameInput {
        frame_table: frame_table.map_err(|e| Error::platform("STAGING_FAILED", e.to_string()))?,
        source,
        range,
        pixel_format: given.pixel_format.clone(),
    })
}

fn range(asked: Option<Range>, frames: u64, path: &Path) -> Result<FrameRange, Error> {
    let Range { start, end } = asked.unwrap_or(Range {
        start: 0,
        end: frames,
    });
    if end > frames {
        let path = one_line(&path.display().to_string());
        let message = format!("{path} has {frames} frames, not {end}");
        return Err(Error::user("INVALID_RANGE", message).at("--range"));
    }
    Ok(FrameRange { start, end })
}
