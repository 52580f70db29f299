//! The index of a file: everything but the media itself.

use errors::Error;
use mp4_atom::{
    Co64, Ctts, CttsEntry, Dinf, Dref, Elst, ElstEntry, FourCC, Ftyp, Hdlr, Matrix, Mdhd, Mvex,
    Mvhd, Smhd, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trex, Url,
    Vmhd,
};

use crate::mp4::{Boxes, Kind, Run, Samples, Track};

/// A file's tracks, and the order of their samples in it.
pub(crate) struct Movie {
    /// Units per second of edits and durations.
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<Track>,
    pub(crate) runs: Vec<Run>,
}

/// Where each run begins, from the start of the file.
#[derive(Default)]
pub(crate) struct Offsets {
    pub(crate) runs: Vec<u64>,
    /// Whether they need 64 bits.
    pub(crate) long: bool,
}

impl Movie {
    /// The head of a file whose video has this sample entry, which is a brand, too.
    pub(crate) fn file_type(entry: &[u8; 4]) -> Result<Vec<u8>, Error> {
        let brands = [b"isom", b"iso2", entry, b"mp41"];
        let mut boxes = Boxes::default();
        boxes.atom(&Ftyp {
            major_brand: FourCC::new(b"isom"),
            minor_version: 512,
            compatible_brands: brands.into_iter().map(FourCC::new).collect(),
        })?;
        Ok(boxes.into_bytes())
    }

    /// The index. Its length depends on the number of samples and runs, their times and
    /// `offsets.long`, but not on sizes and offsets themselves.
    pub(crate) fn index(&self, offsets: &Offsets) -> Result<Vec<u8>, Error> {
        self.boxes(offsets, |_| Ok(()))
    }

    /// The index of a file whose samples lie in fragments, each with an index of its own.
    pub(crate) fn fragmented_index(&self) -> Result<Vec<u8>, Error> {
        let trex = (1..).zip(&self.tracks).map(|(track_id, _)| Trex {
            track_id,
            default_sample_description_index: 1,
            ..Trex::default()
        });
        let mvex = Mvex {
            mehd: None,
            trex: trex.collect(),
        };
        self.boxes(&Offsets::default(), |moov| moov.atom(&mvex))
    }

    fn boxes(
        &self,
        offsets: &Offsets,
        more: impl FnOnce(&mut Boxes) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let mut boxes = Boxes::default();
        boxes.nest(b"moov", |moov| {
            moov.atom(&self.header())?;
            (0..self.tracks.len()).try_for_each(|index| self.track(moov, index, offsets))?;
            more(moov)
        })?;
        Ok(boxes.into_bytes())
    }

    fn header(&self) -> Mvhd {
        Mvhd {
            creation_time: 0,
            modification_time: 0,
            timescale: self.timescale,
            duration: self.tracks.iter().map(presented).max().unwrap_or(0),
            rate: 1.into(),
            volume: 1.into(),
            matrix: Matrix::default(),
            next_track_id: self.tracks.len() as u32 + 1,
        }
    }

    fn track(&self, moov: &mut Boxes, index: usize, offsets: &Offsets) -> Result<(), Error> {
        let track = &self.tracks[index];
        moov.nest(b"trak", |trak| {
            trak.atom(&track_header(track, index as u32 + 1))?;
            trak.nest(b"edts", |edts| edts.atom(&edits(track)))?;
            trak.nest(b"mdia", |mdia| {
                mdia.atom(&media_header(track))?;
                mdia.atom(&handler(&track.kind))?;
                mdia.nest(b"minf", |minf| {
                    media_information(minf, &track.kind)?;
                    minf.nest(b"stbl", |stbl| self.sample_table(stbl, index, offsets))
                })
            })
        })
    }

    fn sample_table(&self, stbl: &mut Boxes, index: usize, offsets: &Offsets) -> Result<(), Error> {
        let Track {
            description,
            samples,
            ..
        } = &self.tracks[index];
        stbl.raw(description);
        stbl.atom(&decoding_times(samples))?;
        if let Some(offsets) = &samples.offsets {
            stbl.atom(&composition(offsets))?;
        }
        if let Some(sync) = &samples.sync {
            stbl.atom(&Stss {
                entries: one_based(sync),
            })?;
        }
        stbl.atom(&self.runs_of(index))?;
        let sizes = samples.sizes.clone();
        stbl.atom(&Stsz {
            samples: StszSamples::Different { sizes },
        })?;
        let starts = (0..).zip(&self.runs).filter(|(_, run)| run.track == index);
        let starts = starts.map(|(at, _): (usize, _)| offsets.runs.get(at).copied().unwrap_or(0));
        match offsets.long {
            true => stbl.atom(&Co64 {
                entries: starts.collect(),
            }),
            false => stbl.atom(&Stco {
                entries: starts.map(|start| start as u32).collect(),
            }),
        }
    }

    /// How many samples each run holds; only changes are written.
    fn runs_of(&self, index: usize) -> Stsc {
        let own = self.runs.iter().filter(|run| run.track == index);
        let mut entries: Vec<StscEntry> = Vec::new();
        for (number, run) in (1..).zip(own) {
            let samples_per_chunk = run.samples.len() as u32;
            if entries
                .last()
                .is_none_or(|last| last.samples_per_chunk != samples_per_chunk)
            {
                entries.push(StscEntry {
                    first_chunk: number,
                    samples_per_chunk,
                    sample_description_index: 1,
                });
            }
        }
        Stsc { entries }
    }
}

fn presented(track: &Track) -> u64 {
    track.edit.delay + track.edit.duration
}

fn track_header(track: &Track, track_id: u32) -> Tkhd {
    let (width, height, matrix) = match &track.kind {
        Kind::Video {
            width,
            height,
            matrix,
        } => (*width, *height, matrix.clone()),
        Kind::Audio | Kind::Text => (0, 0, Matrix::default()),
    };
    let volume = u8::from(matches!(track.kind, Kind::Audio));
    Tkhd {
        track_id,
        duration: presented(track),
        alternate_group: track.alternate_group,
        enabled: track.enabled,
        in_movie: true,
        volume: volume.into(),
        matrix,
        width: width.into(),
        height: height.into(),
        ..Tkhd::default()
    }
}

fn edits(track: &Track) -> Elst {
    let entry = |segment_duration, media_time| ElstEntry {
        segment_duration,
        media_time,
        media_rate: 1.into(),
    };
    let delay = (track.edit.delay > 0).then(|| entry(track.edit.delay, None));
    let shown = entry(track.edit.duration, Some(track.edit.media_time));
    Elst {
        entries: delay.into_iter().chain([shown]).collect(),
    }
}

fn media_header(track: &Track) -> Mdhd {
    Mdhd {
        creation_time: 0,
        modification_time: 0,
        timescale: track.timescale,
        duration: track.samples.duration(),
        language: track.language.clone(),
    }
}

fn handler(kind: &Kind) -> Hdlr {
    let (handler, name) = match kind {
        Kind::Video { .. } => (b"vide", "VideoHandler"),
        Kind::Audio => (b"soun", "SoundHandler"),
        Kind::Text => (b"sbtl", "SubtitleHandler"),
    };
    Hdlr {
        handler: FourCC::new(handler),
        name: name.into(),
    }
}

fn media_information(minf: &mut Boxes, kind: &Kind) -> Result<(), Error> {
    match kind {
        Kind::Video { .. } => minf.atom(&Vmhd::default())?,
        Kind::Audio => minf.atom(&Smhd::default())?,
        // A null media header: version and flags only.
        Kind::Text => minf.nest(b"nmhd", |nmhd| {
            nmhd.raw(&[0; 4]);
            Ok(())
        })?,
    }
    minf.atom(&Dinf {
        dref: Dref {
            entries: vec![Url::default().into()],
        },
    })
}

fn decoding_times(samples: &Samples) -> Stts {
    let entry = |(sample_count, sample_delta)| SttsEntry {
        sample_count,
        sample_delta,
    };
    Stts {
        entries: runs(&samples.deltas).map(entry).collect(),
    }
}

fn composition(offsets: &[u32]) -> Ctts {
    let entry = |(sample_count, offset)| CttsEntry {
        sample_count,
        sample_offset: i64::from(offset),
    };
    Ctts {
        entries: runs(offsets).map(entry).collect(),
    }
}

/// How often each value stands in a row.
fn runs(values: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    values
        .chunk_by(|a, b| a == b)
        .map(|run| (run.len() as u32, run[0]))
}

fn one_based(sync: &[bool]) -> Vec<u32> {
    (1..)
        .zip(sync)
        .filter(|(_, sync)| **sync)
        .map(|(number, _)| number)
        .collect()
}
