//! The frames of a source.

use serde::{Deserialize, Serialize};
use video::{FrameRate, TimeBase};

use crate::SourceInfo;

/// Every packet of the video track in decode order, and which of them are shown, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameTable {
    source: SourceInfo,
    origin: Origin,
    timing: Timing,
    packets: Vec<Packet>,
    /// Indices into `packets`, in presentation order.
    frames: Vec<u32>,
}

/// Where the rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The container's packets; nothing was decoded.
    Demuxed,
    /// One decode of everything: the container could not be trusted, for this reason.
    Decoded,
}

/// A frame of a video that is made of a source's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    /// Presentation time, in ticks of that video.
    pub pts: i64,
    /// Index of the source's frame that it shows, in presentation order.
    pub source: u64,
}

/// What the timestamps are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// The source's own, strictly rising.
    Source,
    /// The source has none, or they jump back: each such frame follows its predecessor by one
    /// nominal frame. Ranges are found by counting only.
    Repaired,
}

/// One packet: one frame, shown or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Presentation time, in ticks of the source's time base.
    pub pts: i64,
    /// Decode time in the same ticks; what the container says, else the presentation time.
    pub dts: i64,
    /// In ticks; 0 when the container does not say.
    pub duration: i64,
    /// Decoding can start here, and every frame not before it in presentation comes out right.
    pub key: bool,
    /// Not hidden by an edit list.
    pub shown: bool,
    /// Where its bytes begin in the file, if the container says.
    pub position: Option<u64>,
    /// Bytes of its payload.
    pub size: u32,
}

impl FrameTable {
    pub(crate) fn new(
        source: SourceInfo,
        origin: Origin,
        timing: Timing,
        packets: Vec<Packet>,
    ) -> Self {
        let frames = presentation_order(&packets);
        FrameTable {
            source,
            origin,
            timing,
            packets,
            frames,
        }
    }

    /// The table of a video that is made of this one's frames: what is told of the source stays, but
    /// for rate and ticks. Decoding can start with the first frame that shows one where it can here.
    ///
    /// `frames` ascend in time and never go back in the source; the last is shown for `last_duration`
    /// ticks. `None` where one shows a frame that is not there.
    #[must_use]
    pub fn derived(
        &self,
        rate: FrameRate,
        time_base: TimeBase,
        frames: &[Derived],
        last_duration: i64,
    ) -> Option<Self> {
        let mut before = None;
        let packet = |frame: &Derived| {
            let shown = self.frame(frame.source)?;
            let first = before.replace(frame.source) != Some(frame.source);
            Some(Packet {
                pts: frame.pts,
                dts: frame.pts,
                duration: last_duration,
                key: shown.key && first,
                shown: true,
                position: None,
                size: shown.size,
            })
        };
        let packets = frames.iter().map(packet).collect::<Option<_>>()?;
        let mut source = self.source.clone();
        source.format.frame_rate = rate;
        source.format.time_base = time_base;
        Some(FrameTable::new(source, self.origin, self.timing, packets))
    }

    #[must_use]
    pub fn source(&self) -> &SourceInfo {
        &self.source
    }

    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// How many frames are shown.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.frames.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// All packets in decode order, the hidden ones too.
    #[must_use]
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// A shown frame by its index in presentation order.
    #[must_use]
    pub fn frame(&self, index: u64) -> Option<&Packet> {
        self.rank(index).map(|rank| &self.packets[rank])
    }

    /// Where a shown frame stands in decode order.
    #[must_use]
    pub fn rank(&self, index: u64) -> Option<usize> {
        let index = usize::try_from(index).ok()?;
        self.frames.get(index).map(|rank| *rank as usize)
    }

    /// The shown frames of `[start, end)` in presentation order; shorter where the table ends.
    pub fn range(&self, start: u64, end: u64) -> impl ExactSizeIterator<Item = &Packet> {
        let clamp = |index: u64| {
            usize::try_from(index)
                .unwrap_or(usize::MAX)
                .min(self.frames.len())
        };
        let (start, end) = (clamp(start), clamp(end));
        self.frames[start.min(end)..end]
            .iter()
            .map(|rank| &self.packets[*rank as usize])
    }

    /// How long a shown frame is on screen, in ticks: until the next one; for the last what the
    /// container says, else one nominal frame.
    #[must_use]
    pub fn duration(&self, index: u64) -> Option<i64> {
        let frame = self.frame(index)?;
        match self.frame(index + 1) {
            Some(next) => Some(next.pts - frame.pts),
            None if frame.duration > 0 => Some(frame.duration),
            None => Some(self.source.nominal_duration()),
        }
    }

    /// The first shown frame with a presentation time of at least `pts`; `len()` when there is none.
    #[must_use]
    pub fn first_not_before(&self, pts: i64) -> u64 {
        let before = |rank: &u32| self.packets[*rank as usize].pts < pts;
        self.frames.partition_point(before) as u64
    }
}

fn presentation_order(packets: &[Packet]) -> Vec<u32> {
    let shown = packets
        .iter()
        .enumerate()
        .filter(|(_, packet)| packet.shown);
    let mut frames: Vec<u32> = shown.map(|(rank, _)| rank as u32).collect();
    frames.sort_by_key(|rank| (packets[*rank as usize].pts, *rank));
    frames
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A plain H.264 source at 25 frames a second, 40 ticks each.
    pub(crate) fn source() -> SourceInfo {
        let json = br#"{"streams": [
            {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "time_base": "1/90000",
             "width": 9, "height": 9, "pix_fmt": "rgb24", "disposition": {"attached_pic": 1}},
            {"index": 1, "codec_type": "video", "codec_name": "h264", "time_base": "1/1000",
             "width": 320, "height": 180, "pix_fmt": "yuv420p", "r_frame_rate": "25/1"}],
            "format": {"format_name": "matroska,webm"}}"#;
        SourceInfo::parse(json).unwrap()
    }

    /// Packets in decode order from `(pts, dts, key, shown)`.
    pub(crate) fn table(rows: &[(i64, i64, bool, bool)]) -> FrameTable {
        let packets = rows.iter().map(|(pts, dts, key, shown)| Packet {
            pts: *pts,
            dts: *dts,
            duration: 40,
            key: *key,
            shown: *shown,
            position: None,
            size: 1,
        });
        FrameTable::new(source(), Origin::Demuxed, Timing::Source, packets.collect())
    }

    #[test]
    fn the_cover_picture_is_not_the_film() {
        let source = source();
        assert_eq!((source.track, source.codec.as_str()), (1, "h264"));
        assert_eq!(source.nominal_duration(), 40);
        assert_eq!(source.other_tracks.len(), 1);
    }

    #[test]
    fn frames_are_in_presentation_order_without_the_hidden() {
        let table = table(&[
            (-40, -120, true, false),
            (80, -80, false, true),
            (0, -40, false, true),
            (40, 0, false, true),
            (150, 40, true, true),
        ]);
        let times: Vec<i64> = table.range(0, 99).map(|frame| frame.pts).collect();
        assert_eq!(times, [0, 40, 80, 150]);
        assert_eq!(
            (table.rank(0), table.rank(2), table.rank(4)),
            (Some(2), Some(1), None)
        );
        assert_eq!(
            (table.duration(2), table.duration(3), table.duration(4)),
            (Some(70), Some(40), None)
        );
        assert_eq!(
            (table.first_not_before(41), table.first_not_before(999)),
            (2, 4)
        );
        assert_eq!(table.range(3, 1).len(), 0);
    }

    #[test]
    fn a_video_of_its_frames_has_times_of_its_own() {
        let source = table(&[
            (0, 0, true, true),
            (40, 40, false, true),
            (80, 80, true, true),
        ]);
        let rate = FrameRate::new(video::Rational::whole(50)).unwrap();
        let base = TimeBase::per_second(50).unwrap();
        let frame = |pts, source| Derived { pts, source };
        let frames = [frame(0, 0), frame(1, 0), frame(3, 2)];
        let derived = source.derived(rate, base, &frames, 2).unwrap();
        let rows: Vec<(i64, bool)> = derived.range(0, 9).map(|p| (p.pts, p.key)).collect();
        assert_eq!(rows, [(0, true), (1, false), (3, true)]);
        assert_eq!(
            (derived.duration(1), derived.duration(2)),
            (Some(2), Some(2))
        );
        assert_eq!(derived.source().format.frame_rate, rate);
        assert_eq!(FrameTable::decode(&derived.encode()), Ok(derived));
        assert_eq!(source.derived(rate, base, &[frame(0, 3)], 1), None);
    }
}
