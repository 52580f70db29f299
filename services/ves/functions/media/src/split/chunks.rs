//! What each chunk is decoded from.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;

use errors::Error;
use stratum_frames::{FrameTable, plan_range, range_digest};
use stratum_function::{WorkDir, io};
use ves_api::function::{ChunkSource, Span};
use ves_api::recipe::ChunkPlan;

use crate::inputs::CHUNK_SOURCES;
use crate::split::shown::Shown;

/// By the source itself, whose packets are read.
pub(super) fn chunk_sources(
    path: &Path,
    shown: &Shown<'_>,
    plan: &ChunkPlan,
) -> Result<Vec<ChunkSource>, Error> {
    let source = File::open(path).map_err(|e| io("reading", path, &e))?;
    let chunks = plan.chunks().map(|chunk| {
        let decoded = shown.decoded(&chunk);
        Ok(ChunkSource {
            start: chunk.start,
            end: chunk.end,
            packets_digest: packets_digest(path, &source, shown.source, decoded.clone())?,
            decoded: other_than(&chunk, &decoded),
        })
    });
    chunks.collect()
}

/// As `input/chunks.json` tells it, where that is of the same chunks.
pub(super) fn told(
    work: &WorkDir,
    shown: &Shown<'_>,
    plan: &ChunkPlan,
) -> Result<Option<Vec<ChunkSource>>, Error> {
    let path = work.input(CHUNK_SOURCES);
    if !path.exists() {
        return Ok(None);
    }
    let json = fs::read(&path).map_err(|e| io("reading", &path, &e))?;
    let chunks: Vec<ChunkSource> = serde_json::from_slice(&json)
        .map_err(|e| Error::platform("MALFORMED_INPUT", format!("{}: {e}", path.display())))?;
    let told = chunks.iter();
    let told = told.map(|chunk| (chunk.start..chunk.end, chunk.decoded));
    let planned = plan.chunks().map(|chunk| {
        let decoded = shown.decoded(&chunk);
        let decoded = other_than(&chunk, &decoded);
        (chunk, decoded)
    });
    Ok(planned.eq(told).then_some(chunks))
}

fn other_than(chunk: &Range<u64>, decoded: &Range<u64>) -> Option<Span> {
    let Range { start, end } = *decoded;
    (chunk != decoded).then_some(Span { start, end })
}

/// What the chunk is decoded from; where its packets cannot be told, the whole source by its
/// table, and the range.
fn packets_digest(
    path: &Path,
    source: &File,
    table: &FrameTable,
    Range { start, end }: Range<u64>,
) -> Result<String, Error> {
    let plan = plan_range(table, start, end)
        .map_err(|e| Error::function("FRAME_RANGE", e.to_string()).frames(start, end))?;
    let digest = range_digest(source, table, &plan).map_err(|e| io("reading", path, &e))?;
    Ok(match digest {
        Some(digest) => digest.as_str().to_owned(),
        None => format!("{} {start}..{end}", table.digest()),
    })
}
