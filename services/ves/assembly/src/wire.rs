//! From the index to its messages and back.

use blob::BlobRef;
use errors::Error;
use ves_api::function::{Bytes, Framing, Track};
use ves_api::wire;
use ves_api::wire::follow_index_response::Part as Kind;
use video::VideoFormat;

use crate::index::{AccessUnit, ChunkPart, Head};

/// A part of an index, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Head(Head),
    Chunk(ChunkPart),
    /// The request has ended: well, or with this error.
    End(Option<Error>),
}

impl From<Part> for wire::FollowIndexResponse {
    fn from(part: Part) -> Self {
        let part = match part {
            Part::Head(head) => Kind::Head(Box::new(head.into())),
            Part::Chunk(chunk) => Kind::Chunk(Box::new(chunk.into())),
            Part::End(error) => Kind::End(Box::new(wire::AssemblyEnd {
                error: error.map(Into::into).into(),
                ..Default::default()
            })),
        };
        Self {
            part: Some(part),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::FollowIndexResponse> for Part {
    type Error = Error;

    fn try_from(told: wire::FollowIndexResponse) -> Result<Self, Error> {
        match told.part.ok_or_else(|| malformed("it tells nothing"))? {
            Kind::Head(head) => (*head).try_into().map(Part::Head),
            Kind::Chunk(chunk) => (*chunk).try_into().map(Part::Chunk),
            Kind::End(end) => Ok(Part::End(end.error.into_option().map(Error::from))),
        }
    }
}

impl From<Head> for wire::AssemblyHead {
    fn from(head: Head) -> Self {
        Self {
            format: Some(head.format.into()).into(),
            frames: head.frames,
            chunks: head.chunks,
            lead: head.lead,
            track: Some(track_outward(head.track)).into(),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::AssemblyHead> for Head {
    type Error = Error;

    fn try_from(head: wire::AssemblyHead) -> Result<Self, Error> {
        let format = head.format.into_option();
        let format = format.ok_or_else(|| malformed("it tells no format"))?;
        let track = head.track.into_option();
        let track = track.ok_or_else(|| malformed("it tells no track"))?;
        Ok(Self {
            format: VideoFormat::try_from(&format)
                .map_err(|wrong| malformed(&wrong.to_string()))?,
            frames: head.frames,
            chunks: head.chunks,
            lead: head.lead,
            track: track_inward(track)?,
        })
    }
}

impl From<ChunkPart> for wire::AssemblyChunk {
    fn from(part: ChunkPart) -> Self {
        Self {
            index: part.index,
            blob: Some(part.blob.into()).into(),
            units: part.units.into_iter().map(Into::into).collect(),
            is_last_part: part.is_last,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::AssemblyChunk> for ChunkPart {
    type Error = Error;

    fn try_from(chunk: wire::AssemblyChunk) -> Result<Self, Error> {
        let blob = chunk.blob.into_option();
        let blob = blob.ok_or_else(|| malformed("a chunk has no bytes"))?;
        Ok(Self {
            index: chunk.index,
            blob: BlobRef::try_from(blob).map_err(|wrong| malformed(&wrong.to_string()))?,
            units: chunk.units.into_iter().map(Into::into).collect(),
            is_last: chunk.is_last_part,
        })
    }
}

impl From<AccessUnit> for wire::AccessUnit {
    fn from(unit: AccessUnit) -> Self {
        let AccessUnit {
            frame,
            offset,
            size,
            random_access,
            pts,
            dts,
            duration,
            decode_duration,
        } = unit;
        Self {
            frame,
            offset,
            size,
            random_access,
            pts,
            dts,
            duration,
            decode_duration,
            ..Default::default()
        }
    }
}

impl From<wire::AccessUnit> for AccessUnit {
    fn from(unit: wire::AccessUnit) -> Self {
        Self {
            frame: unit.frame,
            offset: unit.offset,
            size: unit.size,
            random_access: unit.random_access,
            pts: unit.pts,
            dts: unit.dts,
            duration: unit.duration,
            decode_duration: unit.decode_duration,
        }
    }
}

/// What a container has to know, as a message.
fn track_outward(track: Track) -> wire::CodedTrack {
    let bytes = |all: Vec<Bytes>| all.into_iter().map(|bytes| bytes.0).collect();
    wire::CodedTrack {
        sample_entry: track.sample_entry,
        configuration_box: track.configuration_box,
        configuration: track.configuration.0,
        matroska_codec: track.matroska_codec,
        ivf_codec: track.ivf_codec,
        framing: match track.framing {
            Framing::AnnexB => wire::UnitFraming::AnnexB,
            Framing::Obu => wire::UnitFraming::Obu,
            Framing::Whole => wire::UnitFraming::Whole,
        }
        .into(),
        out_of_band: bytes(track.out_of_band),
        once: bytes(track.once),
        ..Default::default()
    }
}

fn track_inward(track: wire::CodedTrack) -> Result<Track, Error> {
    let bytes = |all: Vec<Vec<u8>>| all.into_iter().map(Bytes).collect();
    let framing = match track.framing.as_known() {
        Some(wire::UnitFraming::AnnexB) => Framing::AnnexB,
        Some(wire::UnitFraming::Obu) => Framing::Obu,
        Some(wire::UnitFraming::Whole) => Framing::Whole,
        Some(wire::UnitFraming::Unspecified) | None => {
            return Err(malformed(
                "its units are divided in a way of a newer version",
            ));
        }
    };
    Ok(Track {
        sample_entry: track.sample_entry,
        configuration_box: track.configuration_box,
        configuration: Bytes(track.configuration),
        matroska_codec: track.matroska_codec,
        ivf_codec: track.ivf_codec,
        framing,
        out_of_band: bytes(track.out_of_band),
        once: bytes(track.once),
    })
}

fn malformed(why: &str) -> Error {
    Error::platform(
        "MALFORMED_INDEX",
        format!("the index cannot be used: {why}"),
    )
    .hint("see whether client and server are of one version")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use blob::Digest;
    use video::*;

    use super::*;

    fn head(framing: Framing) -> Head {
        Head {
            format: VideoFormat {
                resolution: Resolution::new(64, 36).unwrap(),
                sample_aspect_ratio: SampleAspectRatio::new(Rational::whole(1)).unwrap(),
                pixel_format: PixelFormat::new("yuv420p").unwrap(),
                colour: ColourDescription::default(),
                scan_type: ScanType::Progressive,
                frame_rate: FrameRate::new(Rational::whole(25)).unwrap(),
                time_base: TimeBase::per_second(25).unwrap(),
                rotation: Rotation::Half,
                hdr: StaticHdr::default(),
            },
            frames: 150,
            chunks: 3,
            lead: 16,
            track: Track {
                sample_entry: "avc1".into(),
                configuration_box: "avcC".into(),
                configuration: Bytes(vec![1, 2]),
                matroska_codec: "V_MPEG4/ISO/AVC".into(),
                ivf_codec: String::new(),
                framing,
                out_of_band: vec![Bytes(vec![3])],
                once: vec![Bytes(vec![4]), Bytes(vec![5])],
            },
        }
    }

    fn chunk() -> ChunkPart {
        ChunkPart {
            index: 2,
            blob: BlobRef {
                store: "local".into(),
                digest: Digest::of(b"chunk"),
                size: 5,
                content_type: "video/avc".into(),
            },
            units: vec![AccessUnit {
                frame: 100,
                offset: 1,
                size: 4,
                random_access: true,
                pts: 100,
                dts: -3,
                duration: 1,
                decode_duration: 2,
            }],
            is_last: true,
        }
    }

    #[test]
    fn every_part_survives() {
        let framings = [Framing::AnnexB, Framing::Obu, Framing::Whole];
        let heads = framings.map(|framing| Part::Head(head(framing)));
        let ends = [None, Some(Error::canceled("wrong cut"))].map(Part::End);
        for part in heads.into_iter().chain(ends).chain([Part::Chunk(chunk())]) {
            let told = wire::FollowIndexResponse::from(part.clone());
            assert_eq!(Part::try_from(told).unwrap(), part);
        }
    }

    #[test]
    fn what_lacks_a_part_of_itself_is_refused() {
        let mut unframed = wire::AssemblyHead::from(head(Framing::Obu));
        unframed.track.get_or_insert_default().framing = wire::UnitFraming::Unspecified.into();
        assert!(Head::try_from(unframed).is_err());
        assert!(Head::try_from(wire::AssemblyHead::default()).is_err());
        assert!(ChunkPart::try_from(wire::AssemblyChunk::default()).is_err());
        let nothing = Part::try_from(wire::FollowIndexResponse::default());
        assert_eq!(nothing.unwrap_err().code, "MALFORMED_INDEX");
    }
}
