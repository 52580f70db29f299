//! The chunks of one encode, read as they come in.

use std::ops::Range;

use blob::{BlobRef, Value};
use errors::Error;
use serde::de::DeserializeOwned;
use stratum_frames::FrameTable;
use ves_api::function::{STREAM, SplitResult, TRACK, Track, UNITS, Units};
use ves_media::timeline_of;
use video::VideoFormat;

use crate::encodes::{Encode, Encodes, Results};
use crate::index::{AccessUnit, Head, Times, units};
use crate::limits::{MAX_BOUNDARIES_BYTES, MAX_TABLE_BYTES, MAX_TRACK_BYTES, MAX_UNITS_BYTES};

/// Names of the splitter's blobs.
const FRAME_TABLE: &str = "frames.table";
const BOUNDARIES: &str = "boundaries.json";

/// The chunks that are to come, and how the first that was read had them all be.
pub(crate) struct Chunks {
    encodes: Encodes,
    results: Results,
    format: VideoFormat,
    table: Option<FrameTable>,
    /// First frame of each, and the end of the last.
    boundaries: Vec<u64>,
    known: Option<(Track, Times)>,
}

/// One chunk that is done.
pub(crate) struct Chunk {
    pub(crate) blob: BlobRef,
    pub(crate) units: Vec<AccessUnit>,
}

impl Chunks {
    /// As they were planned, once they were.
    pub(crate) async fn planned(encodes: &Encodes, encode: &Encode) -> Result<Option<Self>, Error> {
        let Some(split) = encodes.split(encode).await? else {
            return Ok(None);
        };
        let result: SplitResult = parse(&split.inline, "the plan")?;
        let format = VideoFormat::try_from(&result.format);
        let format = format.map_err(|wrong| malformed("the plan", &wrong.to_string()))?;
        let table = encodes
            .get(named(&split, FRAME_TABLE)?, MAX_TABLE_BYTES)
            .await?;
        let table = FrameTable::decode(&table);
        let starts = encodes.get(named(&split, BOUNDARIES)?, MAX_BOUNDARIES_BYTES);
        let mut boundaries: Vec<u64> = parse(&starts.await?, BOUNDARIES)?;
        boundaries.push(result.frames);
        Ok(Some(Self {
            results: encodes.results(encode),
            encodes: encodes.clone(),
            format,
            table: Some(table.map_err(|wrong| malformed(FRAME_TABLE, &wrong.to_string()))?),
            boundaries,
            known: None,
        }))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.boundaries.len() as u64 - 1
    }

    /// The one that holds this frame.
    pub(crate) fn holding(&self, frame: u64) -> Result<u64, Error> {
        let ends = self.boundaries.iter().skip(1);
        let chunk = ends.take_while(|end| **end <= frame).count() as u64;
        match chunk < self.count() {
            true => Ok(chunk),
            false => Err(self.no_frame(frame)),
        }
    }

    fn no_frame(&self, frame: u64) -> Error {
        let frames = self.boundaries.last().copied().unwrap_or(0);
        Error::user("FRAME_NOT_FOUND", format!("there is no frame {frame}"))
            .at("first_frame")
            .hint(format!("the video has {frames} frames, the first is 0"))
    }

    /// A chunk, once it is done.
    pub(crate) async fn get(&mut self, index: u64) -> Result<Option<Chunk>, Error> {
        let (Some(frames), Some(value)) = (self.frames(index), self.results.get(index).await?)
        else {
            return Ok(None);
        };
        let wrong = |why: &str| mismatch(index, why).frames(frames.start, frames.end);
        let track = named(&value, TRACK)?;
        let track: Track = parse(&self.encodes.get(track, MAX_TRACK_BYTES).await?, TRACK)?;
        let list = named(&value, UNITS)?;
        let list: Units = parse(&self.encodes.get(list, MAX_UNITS_BYTES).await?, UNITS)?;
        let blob = named(&value, STREAM)?.clone();
        if blob.size != list.bytes() {
            return Err(wrong("its stream is not as long as its list says"));
        }
        let (shared, times) = self.known(track.clone())?;
        if *shared != track {
            return Err(wrong("its parameters differ from those of the others"));
        }
        let units = units(times, track.framing, frames.clone(), &list).map_err(wrong)?;
        Ok(Some(Chunk { blob, units }))
    }

    /// What is true of all, once one was read.
    pub(crate) fn head(&self) -> Option<Head> {
        let (track, times) = self.known.as_ref()?;
        Some(Head {
            format: self.format.clone(),
            frames: times.frames(),
            chunks: self.count(),
            lead: times.lead(),
            track: track.clone(),
        })
    }

    fn frames(&self, index: u64) -> Option<Range<u64>> {
        let index = usize::try_from(index).ok()?;
        Some(*self.boundaries.get(index)?..*self.boundaries.get(index + 1)?)
    }

    fn known(&mut self, track: Track) -> Result<(&Track, &Times), Error> {
        if let Some(table) = self.table.take() {
            let timeline = timeline_of(&table);
            self.format.time_base = timeline.time_base;
            let times = Times::of(timeline, track.framing)?;
            self.known = Some((track, times));
        }
        let known = self.known.as_ref().map(|(track, times)| (track, times));
        known.ok_or_else(|| malformed(FRAME_TABLE, "its times cannot be told"))
    }
}

fn named<'a>(value: &'a Value, name: &str) -> Result<&'a BlobRef, Error> {
    let blob = value.blob(name);
    blob.ok_or_else(|| malformed(name, "it is missing"))
}

fn parse<T: DeserializeOwned>(json: &[u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|wrong| malformed(what, &wrong.to_string()))
}

fn malformed(what: &str, why: &str) -> Error {
    Error::platform(
        "OUTPUT_UNREADABLE",
        format!("{what} of the encode cannot be read: {why}"),
    )
}

fn mismatch(index: u64, why: &str) -> Error {
    Error::function("CHUNK_MISMATCH", format!("chunk {index}: {why}"))
}
