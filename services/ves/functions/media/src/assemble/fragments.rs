//! MP4 in fragments (ISO/IEC 14496-12, 8.8): a head, then some samples at a time, each time with an
//! index of their own. It can be written, and played, while later samples do not exist yet.

use errors::Error;
use mp4_atom::{FourCC, Ftyp, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry};
use ves_api::function::Track;
use video::VideoFormat;

use crate::assemble::description::{description, kind as four_characters};
use crate::assemble::framing::sample;
use crate::assemble::video::kind;
use crate::mp4::{Boxes, Edit, Movie, Samples, timescale};

/// The most samples, and bytes of samples, after which a fragment ends.
const MAX_SAMPLES: usize = 256;
const MAX_BYTES: usize = 8 << 20;

/// Flags of a sample where decoding can start, and of others (8.8.3.1): which depend on no others,
/// and which do.
const SYNC: u32 = 0x0200_0000;
const NO_SYNC: u32 = 0x0101_0000;

/// A video that is written in fragments.
#[derive(Debug)]
pub struct FragmentedVideo {
    track: Track,
    format: VideoFormat,
    timescale: u32,
    /// Units of the timescale in a tick.
    scale: i64,
    /// Ticks from the first decoding time to the first presentation.
    lead: i64,
    /// Fragments so far.
    fragments: u32,
    entries: Vec<TrunEntry>,
    bytes: Vec<u8>,
    /// When the fragment's first sample is decoded.
    base: u64,
}

/// One access unit, and its times in ticks of the format's time base, from the first presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// As coded.
    pub unit: &'a [u8],
    /// Whether it is the first of the whole video.
    pub is_first: bool,
    /// Whether decoding can start here.
    pub sync: bool,
    pub pts: i64,
    pub dts: i64,
    /// Until the next one is decoded.
    pub decode_duration: u64,
}

impl FragmentedVideo {
    /// A video of which no sample is decoded more than `lead` ticks before the first presentation.
    ///
    /// # Errors
    /// When MP4 cannot tell its times.
    pub fn new(track: Track, format: VideoFormat, lead: u64) -> Result<Self, Error> {
        let (timescale, scale) = timescale(format.time_base)?;
        Ok(Self {
            track,
            format,
            timescale,
            scale,
            lead: i64::try_from(lead).map_err(|_| beyond())?,
            fragments: 0,
            entries: Vec::new(),
            bytes: Vec::new(),
            base: 0,
        })
    }

    /// What the file begins with.
    ///
    /// # Errors
    /// When MP4 cannot hold such a picture.
    pub fn head(&self) -> Result<Vec<u8>, Error> {
        let mut boxes = Boxes::default();
        let brands = [
            b"iso6",
            &four_characters(&self.track.sample_entry)?,
            b"mp41",
        ];
        boxes.atom(&Ftyp {
            major_brand: FourCC::new(b"iso6"),
            minor_version: 0,
            compatible_brands: brands.into_iter().map(FourCC::new).collect(),
        })?;
        let movie = Movie {
            timescale: self.timescale,
            tracks: vec![self.movie_track()?],
            runs: vec![],
        };
        boxes.raw(&movie.fragmented_index()?);
        Ok(boxes.into_bytes())
    }

    fn movie_track(&self) -> Result<crate::mp4::Track, Error> {
        Ok(crate::mp4::Track {
            kind: kind(&self.format),
            timescale: self.timescale,
            language: "und".into(),
            enabled: true,
            alternate_group: 0,
            description: description(&self.track, &self.format)?,
            samples: Samples::default(),
            edit: Edit {
                delay: 0,
                media_time: self.scaled(self.lead)?,
                // To its end, whenever that is.
                duration: 0,
            },
        })
    }

    /// Takes the next sample in decoding order; the fragment before it, where one ends there.
    ///
    /// # Errors
    /// When MP4 cannot tell its times, or it is no unit of such a track.
    pub fn push(&mut self, unit: &Sample<'_>) -> Result<Vec<u8>, Error> {
        let ended = match self.is_full() || unit.sync {
            true => self.flush()?,
            false => Vec::new(),
        };
        if self.entries.is_empty() {
            self.base = self.scaled(unit.dts.checked_add(self.lead).ok_or_else(beyond)?)?;
        }
        let before = self.bytes.len();
        sample(&self.track, unit.unit, unit.is_first, &mut self.bytes)?;
        let offset = unit.pts.checked_sub(unit.dts).ok_or_else(beyond)?;
        let entry = TrunEntry {
            duration: Some(self.short(i64::try_from(unit.decode_duration).map_err(|_| beyond())?)?),
            size: Some(u32::try_from(self.bytes.len() - before).map_err(|_| beyond())?),
            flags: Some(if unit.sync { SYNC } else { NO_SYNC }),
            cts: Some(self.short(offset)?.into()),
        };
        self.entries.push(entry);
        Ok(ended)
    }

    fn is_full(&self) -> bool {
        self.entries.len() == MAX_SAMPLES || self.bytes.len() >= MAX_BYTES
    }

    /// The samples that are not in a fragment yet, as one; empty where there are none.
    ///
    /// # Errors
    /// When there are more bytes in it than MP4 can hold.
    pub fn flush(&mut self) -> Result<Vec<u8>, Error> {
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let entries = std::mem::take(&mut self.entries);
        self.fragments = self.fragments.checked_add(1).ok_or_else(beyond)?;
        let mut boxes = Boxes::default();
        // The length of an index does not depend on where it says that the samples are.
        boxes.atom(&self.index(entries.clone(), 0))?;
        let header = boxes.into_bytes().len() + 8;
        let offset = i32::try_from(header).map_err(|_| beyond())?;
        let mut boxes = Boxes::default();
        boxes.atom(&self.index(entries, offset))?;
        let bytes = std::mem::take(&mut self.bytes);
        boxes.nest(b"mdat", |mdat| {
            mdat.raw(&bytes);
            Ok(())
        })?;
        Ok(boxes.into_bytes())
    }

    fn index(&self, entries: Vec<TrunEntry>, data_offset: i32) -> Moof {
        let traf = Traf {
            tfhd: Tfhd {
                track_id: 1,
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: self.base,
            }),
            trun: vec![Trun {
                data_offset: Some(data_offset),
                samples: entries.into(),
            }],
            ..Traf::default()
        };
        Moof {
            mfhd: Mfhd {
                sequence_number: self.fragments,
            },
            traf: vec![traf],
        }
    }

    fn scaled(&self, ticks: i64) -> Result<u64, Error> {
        let scaled = ticks.checked_mul(self.scale).ok_or_else(beyond)?;
        u64::try_from(scaled).map_err(|_| beyond())
    }

    fn short(&self, ticks: i64) -> Result<u32, Error> {
        u32::try_from(self.scaled(ticks)?).map_err(|_| beyond())
    }
}

fn beyond() -> Error {
    Error::source(
        "TIMESTAMPS",
        "the times of samples are beyond what MP4 can hold",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mp4_atom::Decode;
    use proptest::prelude::*;
    use ves_api::function::{Bytes, Framing};
    use video::*;

    use super::*;
    use crate::mp4::{children, decode_times, timing_tests};

    fn track() -> Track {
        Track {
            sample_entry: "vp09".into(),
            configuration_box: "vpcC".into(),
            configuration: Bytes(vec![1, 0, 0, 0]),
            matroska_codec: "V_VP9".into(),
            ivf_codec: "VP90".into(),
            framing: Framing::Whole,
            out_of_band: vec![],
            once: vec![],
        }
    }

    fn format(time_base: TimeBase) -> VideoFormat {
        VideoFormat {
            resolution: Resolution::new(64, 36).unwrap(),
            sample_aspect_ratio: SampleAspectRatio::new(Rational::whole(1)).unwrap(),
            pixel_format: PixelFormat::new("yuv420p").unwrap(),
            colour: ColourDescription::default(),
            scan_type: ScanType::Progressive,
            frame_rate: FrameRate::new(Rational::whole(25)).unwrap(),
            time_base,
            rotation: Rotation::None,
            hdr: StaticHdr::default(),
        }
    }

    /// Decoding and presentation times, and bytes, of all samples of fragments.
    fn read(file: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut at = 0;
        let mut index: Option<(usize, Moof)> = None;
        for child in children(file) {
            match &child.kind {
                b"moof" => index = Some((at, Moof::decode(&mut &*child.whole).unwrap())),
                b"mdat" => {
                    let (start, moof) = index.take().unwrap();
                    let traf = &moof.traf[0];
                    let mut dts = traf.tfdt.as_ref().unwrap().base_media_decode_time;
                    let mut byte = start + traf.trun[0].data_offset.unwrap() as usize;
                    for entry in &traf.trun[0].samples {
                        let size = entry.size.unwrap() as usize;
                        let pts = dts + entry.cts.unwrap() as u64;
                        found.push((dts, pts, file[byte..byte + size].to_vec()));
                        dts += u64::from(entry.duration.unwrap());
                        byte += size;
                    }
                }
                _ => {}
            }
            at += child.whole.len();
        }
        found
    }

    proptest! {
        #[test]
        fn samples_read_back_with_their_times_and_bytes(
            groups in proptest::collection::vec(0u64..5, 0..200),
            gaps in proptest::collection::vec(1i64..900, 1_000),
            ticks in 1i64..4,
        ) {
            const DEPTH: u64 = 16;
            let shown = timing_tests::decoding_order(&groups);
            let pts: Vec<i64> = gaps.iter().take(shown.len()).scan(0, |at, gap| {
                let here = *at;
                *at += gap;
                Some(here)
            }).collect();
            let timeline = timing_tests::timeline((ticks, 90_000), pts.clone(), 7);
            let decoded = decode_times(&timeline, DEPTH).unwrap();
            let lead = decoded[0].unsigned_abs();
            let (_, scale) = timescale(timeline.time_base).unwrap();
            let mut video = FragmentedVideo::new(track(), format(timeline.time_base), lead).unwrap();
            let mut file = video.head().unwrap();
            let mut expected = Vec::new();
            for (turn, frame) in shown.iter().enumerate() {
                let next = decoded.get(turn + 1).copied().unwrap_or(decoded[turn] + 7);
                let unit = vec![turn as u8; turn % 9 + 1];
                let sample = Sample {
                    unit: &unit,
                    is_first: turn == 0,
                    sync: turn % 50 == 0,
                    pts: pts[*frame as usize],
                    dts: decoded[turn],
                    decode_duration: (next - decoded[turn]) as u64,
                };
                let since = |ticks: i64| ((ticks + lead as i64) * scale) as u64;
                expected.push((since(sample.dts), since(sample.pts), unit.clone()));
                file.extend(video.push(&sample).unwrap());
            }
            file.extend(video.flush().unwrap());
            prop_assert!(video.flush().unwrap().is_empty());
            prop_assert_eq!(read(&file), expected);
        }
    }

    #[test]
    fn fragments_are_bounded_and_begin_where_decoding_can() {
        let time_base = TimeBase::per_second(25).unwrap();
        let mut video = FragmentedVideo::new(track(), format(time_base), 0).unwrap();
        let mut push = |dts: i64, sync, unit: &[u8]| {
            let (pts, decode_duration, is_first) = (dts, 1, dts == 0);
            let sample = Sample {
                unit,
                is_first,
                sync,
                pts,
                dts,
                decode_duration,
            };
            !video.push(&sample).unwrap().is_empty()
        };
        assert!(!push(0, true, &[1]));
        assert!(!push(1, false, &[1]));
        assert!(push(2, true, &[1]), "it can begin anew here");
        assert!(!push(3, false, &vec![0; MAX_BYTES]));
        assert!(push(4, false, &[1]), "there are too many bytes");
        let ends = (5..600).filter(|dts| push(*dts, false, &[1])).count();
        assert_eq!(ends, 2, "there are too many samples");
    }

    #[test]
    fn times_that_cannot_be_told_are_refused() {
        let time_base = TimeBase::per_second(25).unwrap();
        let mut video = FragmentedVideo::new(track(), format(time_base), 0).unwrap();
        let usual = Sample {
            unit: &[1],
            is_first: true,
            sync: true,
            pts: 0,
            dts: 0,
            decode_duration: 1,
        };
        for wrong in [
            Sample { pts: -1, ..usual },
            Sample { dts: -1, ..usual },
            Sample {
                pts: i64::MAX,
                dts: i64::MIN,
                ..usual
            },
            Sample {
                decode_duration: u64::MAX,
                ..usual
            },
        ] {
            assert_eq!(
                video.push(&wrong).unwrap_err().code,
                "TIMESTAMPS",
                "{wrong:?}"
            );
        }
        let rate = FragmentedVideo::new(track(), format(time_base), u64::MAX);
        assert_eq!(rate.unwrap_err().code, "TIMESTAMPS");
    }
}
