//! Frames as numbered files below `input/`: links into a mount of the source, or of the file that
//! holds what was decoded. Where nothing can be mounted they are copies.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use errors::Error;
use stratum_mount::{Entry, Mount, Span, numbered};

use crate::work_dir::{self, WorkDir};

/// Where the mount is, below the working directory.
const MOUNTED: &str = ".frames";

/// What a file of one decoded picture is called: its planes one after another, without a header.
pub(crate) const PLANAR: &str = "yuv";
/// The same of one codestream of JPEG 2000.
pub(crate) const CODESTREAM: &str = "j2k";
/// What precedes every picture of a Y4M file.
const FRAME: &[u8; 6] = b"FRAME\n";
/// The longest header of a Y4M file.
const HEADER: u64 = 4_096;

/// Files that are there until it is dropped.
#[derive(Debug)]
pub(crate) struct Numbered {
    _mount: Option<Mount>,
}

/// Lays `spans` of `source` out as numbered files with the stem of the input `name`, a path below
/// `input/`: "source%08d.j2k" and "source.y4m" are `source00000001.EXTENSION` and on.
pub(crate) async fn lay(
    dir: &WorkDir,
    name: &Path,
    source: &Path,
    spans: &[Range<u64>],
    extension: &str,
) -> Result<Numbered, Error> {
    let entries = numbered(&stem(name), extension, spans.iter().map(span));
    let to = name.parent().unwrap_or(name).to_owned();
    let (root, source) = (dir.root(), source.to_owned());
    let laid = tokio::task::spawn_blocking(move || {
        let laid = link(&root, &to, &source, &entries);
        laid.map_err(|error| work_dir::io("lay frames below", &to, &error))
    });
    laid.await.map_err(|error| work_dir::staging(&error))?
}

/// Where the pictures of a Y4M file of so many frames are.
pub(crate) fn pictures(y4m: &Path, frames: u64) -> Result<Vec<Range<u64>>, Error> {
    let found = File::open(y4m).and_then(|file| pictures_of(&file, frames));
    found.map_err(|error| work_dir::io("read", y4m, &error))
}

fn pictures_of(file: &File, frames: u64) -> io::Result<Vec<Range<u64>>> {
    let unexpected = || io::Error::new(io::ErrorKind::InvalidData, "not the frames of one size");
    let mut header = Vec::new();
    BufReader::new(file.take(HEADER)).read_until(b'\n', &mut header)?;
    let header = header.len() as u64;
    let length = file.metadata()?.len() - header;
    if frames == 0 || !length.is_multiple_of(frames) {
        return Err(unexpected());
    }
    let size = length / frames;
    let picture = |number: u64| {
        let (start, mut marker) = (header + number * size, [0; FRAME.len()]);
        file.read_exact_at(&mut marker, start)?;
        let range = start + FRAME.len() as u64..start + size;
        (marker == *FRAME).then_some(range).ok_or_else(unexpected)
    };
    (0..frames).map(picture).collect()
}

fn stem(name: &Path) -> String {
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let end = name.find(['%', '.']).unwrap_or(name.len());
    name[..end].to_owned()
}

fn span(range: &Range<u64>) -> Span {
    Span {
        offset: range.start,
        length: range.end - range.start,
    }
}

fn link(root: &Path, to: &Path, source: &Path, entries: &[Entry]) -> io::Result<Numbered> {
    let at = root.join(MOUNTED);
    fs::create_dir(&at)?;
    let file = File::open(source)?;
    let mount = Mount::new(&at, file.try_clone()?, entries.to_vec());
    match &mount {
        Ok(_) => {
            let at = up(root, to).join(MOUNTED);
            let linked = |entry: &Entry| symlink(at.join(&entry.name), to.join(&entry.name));
            entries.iter().try_for_each(linked)?;
        }
        Err(error) => {
            tracing::warn!(%error, "frames are copied");
            fs::remove_dir(&at)?;
            copy(file, to, entries)?;
        }
    }
    Ok(Numbered { _mount: mount.ok() })
}

/// The way from `folder` to `root`, which it is below of: a container has both elsewhere.
fn up(root: &Path, folder: &Path) -> PathBuf {
    let below = folder.strip_prefix(root).unwrap_or(Path::new("input"));
    below.components().map(|_| "..").collect()
}

fn copy(mut source: File, to: &Path, entries: &[Entry]) -> io::Result<()> {
    for Entry { name, span } in entries {
        source.seek(SeekFrom::Start(span.offset))?;
        let mut file = File::create_new(to.join(name))?;
        let copied = io::copy(&mut Read::by_ref(&mut source).take(span.length), &mut file)?;
        if copied < span.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;

    #[test]
    fn the_name_of_an_input_is_the_stem_of_its_frames() {
        for (name, expected) in [
            ("source.y4m", "source"),
            ("a/source%08d.j2k", "source"),
            ("film", "film"),
        ] {
            assert_eq!(stem(Path::new(name)), expected);
        }
    }

    #[test]
    fn links_lead_up_to_the_mount() {
        let root = Path::new("/w");
        for (folder, expected) in [("/w/input", ".."), ("/w/input/a/b", "../../..")] {
            assert_eq!(up(root, Path::new(folder)), Path::new(expected));
        }
    }

    #[test]
    fn pictures_lie_between_the_marks_of_frames() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"YUV4MPEG2 W2 H1\nFRAME\nabcFRAME\ndef")
            .unwrap();
        let again = || file.try_clone().unwrap();
        let found = |frames| {
            let mut file = again();
            file.rewind().unwrap();
            pictures_of(&file, frames)
        };
        assert_eq!(found(2).unwrap(), [22..25, 31..34]);
        for wrong in [0, 1, 3, 6] {
            assert_eq!(found(wrong).is_ok(), wrong == 1, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_mounted_is_copied() {
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(b"0123456789").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let spans = [span(&(2..5)), span(&(5..6))];
        let entries = numbered("f", "x", spans);
        copy(source.try_clone().unwrap(), folder.path(), &entries).unwrap();
        let read = |name| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("f00000001.x"), b"234");
        assert_eq!(read("f00000002.x"), b"5");

        let beyond = numbered("g", "x", [span(&(8..11))]);
        assert!(copy(source, folder.path(), &beyond).is_err());
    }
}
