//! The encoded chunks, in order.

use std::path::PathBuf;

use errors::Error;
use ves_api::function::{Track, Unit, Units, WorkDir, io};
use ves_api::recipe::ChunkPlan;

/// Every chunk of the plan.
pub(crate) struct Chunks {
    pub(crate) chunks: Vec<Chunk>,
    /// Of every chunk.
    pub(crate) track: Track,
}

/// One chunk's elementary stream and its access units.
pub(crate) struct Chunk {
    pub(crate) path: PathBuf,
    /// Its first frame.
    pub(crate) start: u64,
    pub(crate) units: Units,
}

impl Chunks {
    /// Checks every chunk against the plan, and its stream against its list.
    pub(crate) fn open(work: &WorkDir, plan: &ChunkPlan) -> Result<Self, Error> {
        let chunks = plan.chunks().enumerate();
        let chunks = chunks.map(|(index, frames)| Chunk::open(work, index, frames));
        Ok(Self {
            chunks: chunks.collect::<Result<_, _>>()?,
            track: shared_track(work, plan)?,
        })
    }

    /// Access units of the whole video, each with its chunk, in decoding order.
    pub(crate) fn units(&self) -> impl Iterator<Item = (&Chunk, &Unit)> {
        let units = |chunk: &Chunk| chunk.units.units.len();
        self.chunks
            .iter()
            .flat_map(move |chunk| (0..units(chunk)).map(move |i| (chunk, &chunk.units.units[i])))
    }

    /// Bytes of all streams.
    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.units.bytes()).sum()
    }

    /// By how many places any unit is decoded before its turn.
    pub(crate) fn reorder_depth(&self) -> u64 {
        let depths = self.chunks.iter().map(|chunk| chunk.units.reorder_depth());
        depths.max().unwrap_or(0)
    }
}

impl Chunk {
    fn open(work: &WorkDir, index: usize, frames: std::ops::Range<u64>) -> Result<Self, Error> {
        let units: Units = work.read_json(&numbered(work, "units", index, "json"))?;
        let path = numbered(work, "chunks", index, "");
        let wrong = |why: &str| mismatch(index, why).frames(frames.start, frames.end);
        units.check().map_err(wrong)?;
        if units.units.len() as u64 != frames.end - frames.start {
            return Err(wrong("it does not have as many frames as were planned"));
        }
        let size = path.metadata().map_err(|e| io("reading", &path, &e))?.len();
        if size != units.bytes() {
            return Err(wrong("its stream is not as long as its list says"));
        }
        Ok(Self {
            path,
            start: frames.start,
            units,
        })
    }
}

/// The track that all chunks have alike.
fn shared_track(work: &WorkDir, plan: &ChunkPlan) -> Result<Track, Error> {
    let track = |index| work.read_json::<Track>(&numbered(work, "tracks", index, "json"));
    let first = track(0)?;
    for (index, frames) in plan.chunks().enumerate().skip(1) {
        if track(index)? != first {
            let why = "its parameters differ from those of chunk 0";
            return Err(mismatch(index, why).frames(frames.start, frames.end));
        }
    }
    Ok(first)
}

/// Elements of a list lie as numbered files.
fn numbered(work: &WorkDir, list: &str, index: usize, extension: &str) -> PathBuf {
    let plain = work.input(list).join(format!("{index:08}"));
    plain.with_extension(extension)
}

fn mismatch(index: usize, why: &str) -> Error {
    Error::function("CHUNK_MISMATCH", format!("chunk {index}: {why}"))
}
