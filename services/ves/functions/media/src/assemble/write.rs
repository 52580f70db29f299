//! Writes a file in one pass: room for the index, the media, then the index into its room.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use errors::Error;
use ves_api::function::{Progress, WorkDir, io};

use crate::mp4::{Movie, Offsets};

/// Samples of one track, one after another in decoding order.
pub(crate) trait Source {
    /// Appends the next sample.
    fn next(&mut self, sample: &mut Vec<u8>) -> Result<(), Error>;

    /// An upper bound of the bytes of all samples.
    fn most_bytes(&self) -> u64;
}

/// Writes `output/{name}` and returns its size. `sources` are those of the movie's tracks, the
/// first that of the video with this sample `entry`.
pub(crate) fn write(
    work: &WorkDir,
    name: &str,
    entry: &[u8; 4],
    mut movie: Movie,
    sources: &mut [Box<dyn Source + '_>],
    progress: &mut Progress,
) -> Result<u64, Error> {
    let path = work.output(name);
    let head = Movie::file_type(entry)?;
    let most: u64 = sources.iter().map(|source| source.most_bytes()).sum();
    let long = most > u64::from(u32::MAX) - (1 << 28);
    let mut offsets = Offsets {
        runs: Vec::with_capacity(movie.runs.len()),
        long,
    };
    let room = movie.index(&offsets)?.len();
    let mut file = Out::new(work.create(name)?);
    let written = (|| {
        file.put(&head)?;
        file.put(&vec![0; room])?;
        let media = file.at;
        file.put(&media_header(long, 0))?;
        media_data(&mut file, &mut movie, sources, &mut offsets, progress)?;
        let (index, size) = (movie.index(&offsets)?, file.at - media);
        debug_assert_eq!(index.len(), room);
        file.patch(head.len() as u64, &index)?;
        file.patch(media, &media_header(long, size))?;
        file.finish()
    })();
    written.map_err(|e| e.into_error(&path))
}

/// The head of the box that holds the media.
fn media_header(long: bool, size: u64) -> Vec<u8> {
    match long {
        false => [&(size as u32).to_be_bytes(), b"mdat".as_slice()].concat(),
        true => [&1u32.to_be_bytes(), b"mdat".as_slice(), &size.to_be_bytes()].concat(),
    }
}

fn media_data(
    file: &mut Out,
    movie: &mut Movie,
    sources: &mut [Box<dyn Source + '_>],
    offsets: &mut Offsets,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut sample = Vec::new();
    let total = movie.runs.len() as u64;
    for (done, run) in (0..).zip(&movie.runs) {
        offsets.runs.push(file.at);
        for index in run.samples.clone() {
            sample.clear();
            sources[run.track].next(&mut sample)?;
            movie.tracks[run.track].samples.sizes[index] = sample.len() as u32;
            file.put(&sample)?;
        }
        progress.tell(done, total);
    }
    Ok(())
}

struct Out {
    file: BufWriter<File>,
    at: u64,
}

/// What went wrong: the disk, or what was to be written.
enum Failure {
    Disk(std::io::Error),
    Content(Error),
}

impl Out {
    fn new(file: BufWriter<File>) -> Self {
        Self { file, at: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.at += bytes.len() as u64;
        Ok(self.file.write_all(bytes)?)
    }

    fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.file.seek(SeekFrom::Start(at))?;
        Ok(self.file.write_all(bytes)?)
    }

    fn finish(mut self) -> Result<u64, Failure> {
        self.file.flush()?;
        Ok(self.at)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

impl Failure {
    fn into_error(self, path: &std::path::Path) -> Error {
        match self {
            Self::Disk(e) => io("writing", path, &e),
            Self::Content(e) => e,
        }
    }
}
