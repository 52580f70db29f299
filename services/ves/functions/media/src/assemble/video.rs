//! The video track: chunks, timed by the frame table.

use std::fs::File;
use std::io::{BufReader, Read};

use errors::Error;
use mp4_atom::Matrix;
use stratum_function::io;
use ves_api::function::Unit;
use ves_api::recipe::ResolvedRecipe;
use video::{Rotation, VideoFormat};

use crate::assemble::chunks::{Chunk, Chunks};
use crate::assemble::description::description;
use crate::assemble::framing::sample;
use crate::assemble::write::Source;
use crate::mp4::{Edit, Kind, Samples, Timeline, Timing, Track, decode_order_timing};

/// The most bytes of one access unit.
const UNIT_BYTES: u64 = 1 << 30;

/// The video track, but for its samples.
pub(crate) struct Video {
    pub(crate) timing: Timing,
    description: Vec<u8>,
    kind: Kind,
    sync: Vec<bool>,
}

impl Video {
    /// Reads no access unit.
    pub(crate) fn new(
        recipe: &ResolvedRecipe,
        timeline: &Timeline,
        chunks: &Chunks,
    ) -> Result<Self, Error> {
        let shown: Vec<u64> = chunks
            .units()
            .map(|(chunk, unit)| chunk.start + unit.rank)
            .collect();
        if shown.len() != timeline.pts.len() {
            let message = "the chunks do not hold as many frames as the frame table";
            return Err(Error::function("FRAME_COUNT", message));
        }
        Ok(Self {
            timing: decode_order_timing(timeline, &shown, chunks.reorder_depth())?,
            description: description(&chunks.track, &recipe.format)?,
            kind: kind(&recipe.format),
            sync: chunks.units().map(|(_, unit)| unit.key).collect(),
        })
    }

    /// In a movie of this timescale; the sizes of its samples are not known yet.
    pub(crate) fn track(&self, timescale: u32) -> Track {
        let timing = &self.timing;
        let duration = u128::from(timing.duration) * u128::from(timescale);
        let reordered = timing.offsets.iter().any(|offset| *offset != 0);
        Track {
            kind: self.kind.clone(),
            timescale: timing.timescale,
            language: "und".into(),
            enabled: true,
            alternate_group: 0,
            description: self.description.clone(),
            samples: Samples {
                sizes: vec![0; timing.deltas.len()],
                deltas: timing.deltas.clone(),
                offsets: reordered.then(|| timing.offsets.clone()),
                sync: (!self.sync.iter().all(|sync| *sync)).then(|| self.sync.clone()),
            },
            edit: Edit {
                delay: 0,
                media_time: timing.lead,
                duration: (duration / u128::from(timing.timescale)) as u64,
            },
        }
    }

    /// The samples.
    pub(crate) fn source(chunks: &Chunks) -> AccessUnits<'_> {
        AccessUnits::of(chunks, &chunks.track)
    }
}

impl<'a> AccessUnits<'a> {
    /// Framed as this track has it.
    pub(crate) fn of(chunks: &'a Chunks, track: &'a ves_api::function::Track) -> Self {
        Self {
            track,
            units: Box::new(chunks.units()),
            open: None,
            buffer: Vec::new(),
            first: true,
            bytes: chunks.bytes(),
        }
    }
}

/// Access units one by one, out of one chunk after another.
pub(crate) struct AccessUnits<'a> {
    track: &'a ves_api::function::Track,
    units: Box<dyn Iterator<Item = (&'a Chunk, &'a Unit)> + 'a>,
    /// The chunk being read, by its first frame.
    open: Option<(u64, BufReader<File>)>,
    buffer: Vec<u8>,
    first: bool,
    bytes: u64,
}

impl Source for AccessUnits<'_> {
    fn next(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let Some((chunk, unit)) = self.units.next() else {
            return Err(Error::function(
                "CHUNK_MISMATCH",
                "there are fewer access units than samples",
            ));
        };
        if self
            .open
            .as_ref()
            .is_none_or(|(start, _)| *start != chunk.start)
        {
            self.open = Some((chunk.start, open(chunk)?));
        }
        if let Some((_, file)) = &mut self.open {
            read(file, chunk, unit.size, &mut self.buffer)?;
        }
        let first = std::mem::take(&mut self.first);
        let converted = sample(self.track, &self.buffer, first, bytes);
        let end = chunk.start + chunk.units.units.len() as u64;
        converted.map_err(|e| e.frames(chunk.start, end))
    }

    /// A length takes at most one byte more than the shortest start code, and a unit has at least
    /// four bytes with that.
    fn most_bytes(&self) -> u64 {
        self.bytes + self.bytes / 4
    }
}

fn open(chunk: &Chunk) -> Result<BufReader<File>, Error> {
    let file = File::open(&chunk.path).map_err(|e| io("reading", &chunk.path, &e))?;
    Ok(BufReader::with_capacity(256 * 1024, file))
}

fn read(file: &mut impl Read, chunk: &Chunk, size: u64, unit: &mut Vec<u8>) -> Result<(), Error> {
    if size > UNIT_BYTES {
        return Err(Error::function(
            "CHUNK_MISMATCH",
            "an access unit is beyond 1 GiB",
        ));
    }
    unit.clear();
    let read = file
        .take(size)
        .read_to_end(unit)
        .map_err(|e| io("reading", &chunk.path, &e))?;
    if (read as u64) < size {
        return Err(Error::platform(
            "IO",
            format!("{} is cut short", chunk.path.display()),
        ));
    }
    Ok(())
}

pub(crate) fn kind(format: &VideoFormat) -> Kind {
    let size = format.resolution;
    let shape = format.sample_aspect_ratio.as_rational();
    let side = |length: i64| u16::try_from(length).unwrap_or(u16::MAX);
    let width = shape
        .round_mul(size.width().into())
        .unwrap_or(size.width().into());
    let (width, height) = (side(width), side(size.height().into()));
    Kind::Video {
        width,
        height,
        matrix: matrix(format.rotation, width, height),
    }
}

/// How the picture is turned, then moved back to the origin.
fn matrix(rotation: Rotation, width: u16, height: u16) -> Matrix {
    let (a, b, c, d, x, y) = match rotation {
        Rotation::None => (1, 0, 0, 1, 0, 0),
        Rotation::Clockwise90 => (0, 1, -1, 0, height, 0),
        Rotation::Half => (-1, 0, 0, -1, width, height),
        Rotation::Clockwise270 => (0, -1, 1, 0, 0, width),
    };
    // 16.16 but for the last column's 2.30; a picture that wide is moved no further.
    let fixed = |value: i32| value << 16;
    let moved = |value: u16| i32::from(value.min(i16::MAX as u16)) << 16;
    Matrix {
        a: fixed(a),
        b: fixed(b),
        u: 0,
        c: fixed(c),
        d: fixed(d),
        v: 0,
        x: moved(x),
        y: moved(y),
        w: 1 << 30,
    }
}
