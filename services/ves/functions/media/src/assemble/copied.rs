//! A file's tracks, taken over as they are.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use errors::Error;
use mp4_atom::{
    Co64, Ctts, Decode, Elst, Hdlr, Mdhd, Stco, Stsc, Stss, Stsz, StszSamples, Stts, Tkhd,
};
use stratum_function::io;

use crate::assemble::write::Source;
use crate::mp4::{Edit, Kind, Samples, Track, children};

/// The most bytes of an index.
const INDEX_BYTES: u64 = 1 << 30;

/// A track and where its samples are.
pub(crate) struct Copied {
    pub(crate) track: Track,
    /// When its presentation begins on the source's clock, in units of the movie.
    pub(crate) start: i128,
    pub(crate) source: CopiedSamples,
}

/// Samples that lie in a file.
pub(crate) struct CopiedSamples {
    path: PathBuf,
    file: BufReader<File>,
    /// Where each sample is, and how long.
    places: std::vec::IntoIter<(u64, u32)>,
    bytes: u64,
}

impl Source for CopiedSamples {
    fn next(&mut self, sample: &mut Vec<u8>) -> Result<(), Error> {
        let (at, size) = self
            .places
            .next()
            .ok_or_else(|| malformed("a sample is missing"))?;
        let failed = |e| io("reading", &self.path, &e);
        let here = self.file.stream_position().map_err(failed)?;
        // A relative seek keeps what is buffered.
        let seek = self.file.seek_relative(at as i64 - here as i64);
        seek.map_err(|e| io("reading", &self.path, &e))?;
        let read = self.file.by_ref().take(size.into()).read_to_end(sample);
        match read.map_err(|e| io("reading", &self.path, &e))? {
            read if read == size as usize => Ok(()),
            _ => Err(malformed("a sample is cut short")),
        }
    }

    fn most_bytes(&self) -> u64 {
        self.bytes
    }
}

/// Every track of a file that ffmpeg wrote with this movie timescale.
pub(crate) fn read_tracks(path: &Path, timescale: u32) -> Result<Vec<Copied>, Error> {
    let index = read_index(path)?;
    let tracks = children(&index).filter(|child| &child.kind == b"trak");
    tracks
        .map(|trak| copied(path, trak.body, timescale))
        .collect()
}

/// The body of `moov`.
fn read_index(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |e| io("reading", path, &e);
    let mut file = File::open(path).map_err(failed)?;
    loop {
        let mut head = [0; 16];
        file.read_exact(&mut head[..8]).map_err(failed)?;
        let mut size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let mut header = 8;
        if size == 1 {
            file.read_exact(&mut head[8..]).map_err(failed)?;
            size = head[8..]
                .iter()
                .fold(0, |size, byte| size << 8 | u64::from(*byte));
            header = 16;
        }
        let body = size
            .checked_sub(header)
            .ok_or_else(|| malformed("a box ends before it begins"))?;
        if &head[4..8] == b"moov" {
            return read_body(file, body).map_err(failed);
        }
        let skip = i64::try_from(body).map_err(|_| malformed("a box is too long"))?;
        file.seek(SeekFrom::Current(skip)).map_err(failed)?;
    }
}

fn read_body(file: File, size: u64) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    file.take(size.min(INDEX_BYTES)).read_to_end(&mut body)?;
    Ok(body)
}

fn copied(path: &Path, trak: &[u8], timescale: u32) -> Result<Copied, Error> {
    let tkhd: Tkhd = required(trak, b"tkhd")?;
    let mdia = body(trak, b"mdia")?;
    let mdhd: Mdhd = required(mdia, b"mdhd")?;
    let hdlr: Hdlr = required(mdia, b"hdlr")?;
    let stbl = body(body(mdia, b"minf")?, b"stbl")?;
    let (samples, places) = samples(stbl)?;
    let (start, edit) = edit(trak, &mdhd, timescale)?;
    let track = Track {
        kind: if &<[u8; 4]>::from(hdlr.handler) == b"soun" {
            Kind::Audio
        } else {
            Kind::Text
        },
        timescale: mdhd.timescale,
        language: mdhd.language,
        enabled: tkhd.enabled,
        alternate_group: tkhd.alternate_group,
        description: whole(stbl, b"stsd")
            .ok_or_else(|| malformed("no stsd"))?
            .to_vec(),
        samples,
        edit,
    };
    Ok(Copied {
        track,
        start,
        source: CopiedSamples::new(path, places)?,
    })
}

impl CopiedSamples {
    fn new(path: &Path, places: Vec<(u64, u32)>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| io("reading", path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(256 * 1024, file),
            bytes: places.iter().map(|(_, size)| u64::from(*size)).sum(),
            places: places.into_iter(),
        })
    }
}

/// When it begins, and what of it is presented.
fn edit(trak: &[u8], mdhd: &Mdhd, timescale: u32) -> Result<(i128, Edit), Error> {
    let edits = match body(trak, b"edts") {
        Ok(edts) => required::<Elst>(edts, b"elst")?.entries,
        Err(_) => vec![],
    };
    let start = edits.iter().filter(|edit| edit.media_time.is_none());
    let start = start.map(|edit| i128::from(edit.segment_duration)).sum();
    let shown = edits
        .iter()
        .find_map(|edit| Some((edit.media_time?, edit.segment_duration)));
    let whole =
        u128::from(mdhd.duration) * u128::from(timescale) / u128::from(mdhd.timescale.max(1));
    let (media_time, duration) = shown.unwrap_or((0, whole as u64));
    Ok((
        start,
        Edit {
            delay: 0,
            media_time,
            duration,
        },
    ))
}

type Places = Vec<(u64, u32)>;

fn samples(stbl: &[u8]) -> Result<(Samples, Places), Error> {
    let sizes = sizes(required(stbl, b"stsz")?);
    let count = sizes.len();
    let stts: Stts = required(stbl, b"stts")?;
    let deltas = expand(
        stts.entries
            .iter()
            .map(|e| (e.sample_count, e.sample_delta)),
        count,
    )?;
    let ctts: Option<Ctts> = optional(stbl, b"ctts")?;
    let offsets = ctts.map(|ctts| {
        let offset = |offset: i64| u32::try_from(offset).map_err(|_| malformed("a negative ctts"));
        let runs = ctts
            .entries
            .iter()
            .map(|e| Ok((e.sample_count, offset(e.sample_offset)?)));
        expand(runs.collect::<Result<Vec<_>, Error>>()?.into_iter(), count)
    });
    let stss: Option<Stss> = optional(stbl, b"stss")?;
    let sync = stss.map(|stss| {
        let mut sync = vec![false; count];
        let set = |number: &u32| (*number as usize).checked_sub(1);
        stss.entries
            .iter()
            .filter_map(set)
            .for_each(|i| sync.get_mut(i).into_iter().for_each(|s| *s = true));
        sync
    });
    let places = places(stbl, &sizes)?;
    Ok((
        Samples {
            sizes,
            deltas,
            offsets: offsets.transpose()?,
            sync,
        },
        places,
    ))
}

fn sizes(stsz: Stsz) -> Vec<u32> {
    match stsz.samples {
        StszSamples::Identical { count, size } => vec![size; count as usize],
        StszSamples::Different { sizes } => sizes,
    }
}

fn expand(runs: impl Iterator<Item = (u32, u32)>, count: usize) -> Result<Vec<u32>, Error> {
    let values: Vec<u32> = runs
        .flat_map(|(times, value)| std::iter::repeat_n(value, times as usize))
        .take(count)
        .collect();
    let complete = values.len() == count;
    complete
        .then_some(values)
        .ok_or_else(|| malformed("a table is shorter than the samples"))
}

/// Where each sample is: runs of samples lie at the listed offsets.
fn places(stbl: &[u8], sizes: &[u32]) -> Result<Places, Error> {
    let starts = match optional::<Co64>(stbl, b"co64")? {
        Some(long) => long.entries,
        None => required::<Stco>(stbl, b"stco")?
            .entries
            .into_iter()
            .map(u64::from)
            .collect(),
    };
    let stsc: Stsc = required(stbl, b"stsc")?;
    let mut sizes = sizes.iter();
    let mut places = Vec::with_capacity(sizes.len());
    let mut rules = stsc.entries.iter().peekable();
    let mut per_run = 0;
    for (number, start) in (1..).zip(starts) {
        while let Some(rule) = rules.next_if(|rule| rule.first_chunk <= number) {
            per_run = rule.samples_per_chunk;
        }
        let mut at = start;
        for size in sizes.by_ref().take(per_run as usize) {
            places.push((at, *size));
            at += u64::from(*size);
        }
    }
    match sizes.next() {
        None => Ok(places),
        Some(_) => Err(malformed("samples without a place")),
    }
}

fn whole<'a>(parent: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(parent)
        .find(|child| &child.kind == kind)
        .map(|child| child.whole)
}

fn body<'a>(parent: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8], Error> {
    let found = children(parent).find(|child| &child.kind == kind);
    found.map(|child| child.body).ok_or_else(|| missing(kind))
}

fn optional<T: Decode>(parent: &[u8], kind: &[u8; 4]) -> Result<Option<T>, Error> {
    let decode = |mut bytes: &[u8]| T::decode(&mut bytes);
    let decoded = whole(parent, kind).map(decode).transpose();
    decoded.map_err(|e| malformed(&e.to_string()))
}

fn required<T: Decode>(parent: &[u8], kind: &[u8; 4]) -> Result<T, Error> {
    optional(parent, kind)?.ok_or_else(|| missing(kind))
}

fn missing(kind: &[u8; 4]) -> Error {
    malformed(&format!("no {}", String::from_utf8_lossy(kind)))
}

fn malformed(why: &str) -> Error {
    Error::function(
        "MP4",
        format!("ffmpeg's file of the other tracks is malformed: {why}"),
    )
}
