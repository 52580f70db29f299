//! Reads a source's index, cuts it into chunks, and writes the resolved recipe down.

mod chunks;
mod effort;
mod failure;
mod index;
mod shown;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use errors::Error;
use stratum_frames::{FrameTable, Tools, build_table};
use stratum_function::{Progress, WorkDir, io};
use ves_api::function::{ChunkElement, ChunkSource, SplitParams, SplitResult};
use ves_api::recipe::{Damage, Problems, RateControl, Recipe, ResolvedRecipe, SourceFacts};
use video::{DecoderBuffer, Rational, ScanType};

use crate::inputs::{FRAME_TABLE, RECIPE, SOURCE_TABLE, frame_table};
pub use failure::failure;
pub use index::{index, resolved};
pub use shown::Shown;

use effort::Effort;

/// The most bytes of a filter graph: less than an argument of a program may have.
const MAX_GRAPH: usize = 100_000;

/// The list of chunks, below `output/`.
const ELEMENTS: &str = "elements.ndjson";

/// Where chunks begin, below `output/`.
const BOUNDARIES: &str = "boundaries.json";

/// Splits `input/source`, by `input/frames.table` where there is one.
pub fn split(work: &WorkDir, params: SplitParams, _: &mut Progress) -> Result<SplitResult, Error> {
    let recipe = Recipe::try_from(params.recipe).map_err(Problems::into_error)?;
    let (path, table) = read(work)?;
    refuse_damage(&table, recipe.damage)?;
    let resolved = resolve(recipe, &table, params.function_digests)?;
    let shown = Shown::of(&table, &resolved.recipe)?;
    put(work, FRAME_TABLE, &shown.table.encode())?;
    if let Cow::Owned(_) = shown.table {
        put(work, SOURCE_TABLE, &table.encode())?;
    }
    let chunks = match chunks::told(work, &shown, &resolved.plan)? {
        Some(chunks) => chunks,
        None => chunks::chunk_sources(&path, &shown, &resolved.plan)?,
    };
    put(work, ELEMENTS, &elements(&chunks, &shown, &resolved)?)?;
    let starts: Vec<u64> = resolved.plan.chunks().map(|chunk| chunk.start).collect();
    let starts = serde_json::to_vec(&starts);
    put(
        work,
        BOUNDARIES,
        &starts.map_err(|e| Error::platform("MALFORMED_LIST", e.to_string()))?,
    )?;
    let json = resolved.to_json();
    let json = json.map_err(|e| Error::platform("MALFORMED_RECIPE", e.to_string()))?;
    put(work, RECIPE, &json)?;
    Ok(result(&shown, resolved))
}

/// The source and its frame table.
fn read(work: &WorkDir) -> Result<(PathBuf, FrameTable), Error> {
    // Tools are given the path from elsewhere.
    let path = work.input("source");
    let path = fs::canonicalize(&path).map_err(|e| io("finding", &path, &e))?;
    let table = match work.input(FRAME_TABLE).exists() {
        true => frame_table(work)?,
        false => table(&path)?,
    };
    Ok((path, table))
}

/// A source that lacks frames that it promises is not encoded unasked.
pub fn refuse_damage(table: &FrameTable, policy: Damage) -> Result<(), Error> {
    match (&table.source().damage, policy) {
        (Some(damage), Damage::Fail) => {
            let message = format!("the source is damaged: {damage}");
            Err(Error::source("DAMAGED_SOURCE", message)
                .at("video_source.uri")
                .hint(
                    "get it whole, or ask for recipe.damage DAMAGE_CONCEAL to encode what decodes",
                ))
        }
        _ => Ok(()),
    }
}

/// What a recipe comes to for the source of this table.
pub fn resolve(
    recipe: Recipe,
    table: &FrameTable,
    function_digests: BTreeMap<String, String>,
) -> Result<ResolvedRecipe, Error> {
    let shown = Shown::of(table, &recipe)?;
    let facts = SourceFacts {
        format: &table.source().format,
        conversion: shown.conversion,
        frames: shown.table.len(),
        random_access: &random_access(&shown.table),
        digest: &table.digest(),
    };
    ResolvedRecipe::new(recipe, &facts, function_digests)
}

fn table(path: &Path) -> Result<FrameTable, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| io("starting", path, &e))?;
    let tools = Tools::of_function().map_err(failure)?;
    runtime.block_on(build_table(&tools, path)).map_err(failure)
}

/// Indices of frames at which decoding can start.
fn random_access(table: &FrameTable) -> Vec<u64> {
    let frames = (0..).zip(table.range(0, table.len()));
    frames
        .filter(|(_, packet)| packet.key)
        .map(|(index, _)| index)
        .collect()
}

fn elements(
    chunks: &[ChunkSource],
    shown: &Shown<'_>,
    resolved: &ResolvedRecipe,
) -> Result<Vec<u8>, Error> {
    let table = &shown.table;
    let effort = Effort::of(table, &resolved.format);
    let mut lines = Vec::new();
    for (index, chunk) in (0..).zip(chunks) {
        let frames = chunk.start..chunk.end;
        let element = ChunkElement {
            index,
            start: chunk.start,
            end: chunk.end,
            decoded: chunk.decoded,
            filter_graph: filter_graph(shown, resolved, &frames)?,
            packets_digest: chunk.packets_digest.clone(),
            expected_ms: effort.expected_ms(table, frames),
        };
        serde_json::to_writer(&mut lines, &element)
            .map_err(|e| Error::platform("MALFORMED_ELEMENT", e.to_string()))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Of a chunk, where it has one of its own.
fn filter_graph(
    shown: &Shown<'_>,
    resolved: &ResolvedRecipe,
    chunk: &Range<u64>,
) -> Result<Option<String>, Error> {
    if resolved.conversion.is_none() {
        return Ok(None);
    }
    let graph = resolved.chunk_filter_graph(&shown.chunk_frames(chunk));
    if graph.as_ref().is_none_or(|graph| graph.len() <= MAX_GRAPH) {
        return Ok(graph);
    }
    let message = "the source's frames stand so unevenly that a chunk cannot be told of them all";
    Err(Error::user("OUT_OF_RANGE", message)
        .at("recipe.chunking_directives")
        .hint("ask for shorter chunks")
        .frames(chunk.start, chunk.end))
}

fn result(shown: &Shown<'_>, resolved: ResolvedRecipe) -> SplitResult {
    let table = &shown.table;
    let source_region = resolved.source_region(table.source().format.resolution);
    let video_region = resolved.video_region();
    let target_bits = target_bits(table, resolved.recipe.rate_control);
    let buffer = resolved.recipe.buffer.map(coded);
    let quality = match resolved.recipe.rate_control {
        RateControl::Quality(goal) => Some(goal),
        RateControl::Crf(_) | RateControl::Lossless | RateControl::Bitrate(_) => None,
    };
    let warnings = warnings(shown.source, &resolved);
    let format = resolved.format;
    let input_rate = shown.source.source().format.frame_rate;
    SplitResult {
        format: proto::video::v1::VideoFormat::from(format.clone()),
        warnings,
        source_region,
        video_region,
        frames: table.len(),
        chunks: resolved.plan.count() as u64,
        codec: resolved.recipe.codec.name().into(),
        width: format.resolution.width(),
        height: format.resolution.height(),
        bit_depth: format.pixel_format.bit_depth().unwrap_or(8),
        pixel_format: resolved.decoded.to_string(),
        frame_rate: format.frame_rate.to_string(),
        input_frame_rate: (input_rate != format.frame_rate).then(|| input_rate.to_string()),
        conversion: resolved.conversion,
        encoder_args: resolved.encoder_args,
        filter_graph: resolved.filter_graph,
        target_bits,
        buffer,
        quality,
    }
}

/// What is amiss with the source, or with what was asked of it.
fn warnings(source: &FrameTable, resolved: &ResolvedRecipe) -> Vec<String> {
    let damage = source.source().damage.iter();
    let damage = damage.map(|damage| format!("the source is damaged: {damage}"));
    let asked = resolved.recipe.deinterlacing.is_some();
    let nothing = asked && resolved.conversion.deinterlacing().is_none();
    let told = match source.source().format.scan_type {
        ScanType::Unknown => "does not say that it is interlaced",
        _ => "is progressive",
    };
    let nothing = nothing.then(|| format!("the source {told}: nothing was deinterlaced"));
    damage.chain(nothing).collect()
}

/// What chunks are coded for: in thousands of bits, as encoders count, and with a millisecond's bits to
/// spare, as containers round times.
fn coded(buffer: DecoderBuffer) -> DecoderBuffer {
    let spare = buffer.max_bitrate.div_ceil(1_000);
    DecoderBuffer {
        max_bitrate: buffer.max_bitrate / 1_000 * 1_000,
        size: (buffer.size - spare.min(buffer.size / 2)) / 1_000 * 1_000,
    }
}

/// What a bitrate comes to, for as long as the video is shown; 0 without one.
fn target_bits(table: &FrameTable, rate: RateControl) -> u64 {
    let RateControl::Bitrate(bitrate) = rate else {
        return 0;
    };
    let shown = seconds_shown(table);
    shown.map_or(0, |seconds| bitrate.bits_in(seconds))
}

fn seconds_shown(table: &FrameTable) -> Option<Rational> {
    let last = table.len().checked_sub(1)?;
    let (first, end) = (table.frame(0)?.pts, table.frame(last)?.pts);
    let ticks = end.checked_sub(first)?.checked_add(table.duration(last)?)?;
    table.source().format.time_base.seconds(ticks)
}

fn put(work: &WorkDir, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let mut file = work.create(name)?;
    let written = file.write_all(bytes).and_then(|()| file.flush());
    written.map_err(|e| io("writing", &work.output(name), &e))
}
