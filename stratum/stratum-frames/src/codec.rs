//! The table as bytes: `CFT`, a version, a JSON header, then one column after another, each value
//! as its difference to the one before. About ten bytes a frame.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::varint::{put, put_signed, take, take_signed};
use crate::{FrameTable, Origin, Packet, SourceInfo, Timing};

const MAGIC: &[u8; 4] = b"CFT\x01";

/// More than a month at 60 frames a second.
pub(crate) const MOST_PACKETS: usize = 200_000_000;

/// Not an encoded frame table of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a frame table of version 1: {0}")]
pub struct InvalidTable(&'static str);

#[derive(Serialize, Deserialize)]
struct Header {
    source: SourceInfo,
    origin: Origin,
    timing: Timing,
    packets: usize,
}

const KEY: u64 = 1;
const SHOWN: u64 = 2;
const POSITION: u64 = 4;

impl FrameTable {
    /// As bytes; equal tables are equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let header = Header {
            source: self.source().clone(),
            origin: self.origin(),
            timing: self.timing(),
            packets: self.packets().len(),
        };
        // The header is plain data: nothing in it can fail to become JSON.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, header.len() as u64);
        bytes.extend_from_slice(&header);
        put_columns(&mut bytes, self.packets());
        bytes
    }

    /// From the bytes of [`FrameTable::encode`].
    ///
    /// # Errors
    /// When they are not that, of another version, or cut off.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidTable> {
        let mut rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(InvalidTable("it begins differently"))?;
        let header = take_header(&mut rest)?;
        if header.packets > MOST_PACKETS || header.packets > rest.len() {
            return Err(InvalidTable("it announces more packets than it holds"));
        }
        let packets =
            take_columns(&mut rest, header.packets).ok_or(InvalidTable("it is cut off"))?;
        if !rest.is_empty() {
            return Err(InvalidTable("something follows it"));
        }
        Ok(FrameTable::new(
            header.source,
            header.origin,
            header.timing,
            packets,
        ))
    }

    /// SHA-256 of the encoded table, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.encode()))
    }
}

fn take_header(rest: &mut &[u8]) -> Result<Header, InvalidTable> {
    let length = take(rest).and_then(|length| usize::try_from(length).ok());
    let header = length.and_then(|length| rest.split_at_checked(length));
    let (header, columns) = header.ok_or(InvalidTable("its header is cut off"))?;
    *rest = columns;
    serde_json::from_slice(header).map_err(|_| InvalidTable("its header is unreadable"))
}

fn put_columns(to: &mut Vec<u8>, packets: &[Packet]) {
    for packet in packets {
        let flags = [
            (packet.key, KEY),
            (packet.shown, SHOWN),
            (packet.position.is_some(), POSITION),
        ];
        put(
            to,
            flags.iter().map(|(set, bit)| u64::from(*set) * bit).sum(),
        );
    }
    put_deltas(to, packets.iter().map(|p| p.dts));
    put_deltas(to, packets.iter().map(|p| p.pts.wrapping_sub(p.dts)));
    put_deltas(to, packets.iter().map(|p| p.duration));
    put_deltas(to, packets.iter().map(|p| p.size.into()));
    // A file is mostly written in decode order: each packet begins soon after the last one ended.
    let mut expected = 0u64;
    for (position, size) in packets.iter().filter_map(|p| Some((p.position?, p.size))) {
        put_signed(to, position.wrapping_sub(expected).cast_signed());
        expected = position.wrapping_add(size.into());
    }
}

fn put_deltas(to: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut last = 0i64;
    for value in values {
        put_signed(to, value.wrapping_sub(last));
        last = value;
    }
}

fn take_columns(rest: &mut &[u8], count: usize) -> Option<Vec<Packet>> {
    let flags: Vec<u64> = (0..count).map(|_| take(rest)).collect::<Option<_>>()?;
    let dts = take_deltas(rest, count)?;
    let offsets = take_deltas(rest, count)?;
    let durations = take_deltas(rest, count)?;
    let sizes = take_deltas(rest, count)?;
    let mut packets = Vec::with_capacity(count);
    let mut expected = 0u64;
    for (index, flags) in flags.iter().enumerate() {
        let size = u32::try_from(sizes[index]).ok()?;
        let mut position = None;
        if flags & POSITION != 0 {
            let at = expected.wrapping_add(take_signed(rest)?.cast_unsigned());
            expected = at.wrapping_add(size.into());
            position = Some(at);
        }
        packets.push(Packet {
            pts: dts[index].wrapping_add(offsets[index]),
            dts: dts[index],
            duration: durations[index],
            key: flags & KEY != 0,
            shown: flags & SHOWN != 0,
            position,
            size,
        });
    }
    Some(packets)
}

fn take_deltas(rest: &mut &[u8], count: usize) -> Option<Vec<i64>> {
    let mut last = 0i64;
    let next = || {
        last = last.wrapping_add(take_signed(rest)?);
        Some(last)
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::table::tests::source;

    fn packet() -> impl Strategy<Value = Packet> {
        let position = proptest::option::of(any::<u64>());
        let flags = (any::<bool>(), any::<bool>());
        (
            any::<i64>(),
            any::<i64>(),
            any::<i64>(),
            flags,
            position,
            any::<u32>(),
        )
            .prop_map(
                |(pts, dts, duration, (key, shown), position, size)| Packet {
                    pts,
                    dts,
                    duration,
                    key,
                    shown,
                    position,
                    size,
                },
            )
    }

    fn table() -> impl Strategy<Value = FrameTable> {
        let origin = prop_oneof![Just(Origin::Demuxed), Just(Origin::Decoded)];
        let timing = prop_oneof![Just(Timing::Source), Just(Timing::Repaired)];
        (origin, timing, vec(packet(), 0..50)).prop_map(|(origin, timing, packets)| {
            FrameTable::new(source(), origin, timing, packets)
        })
    }

    proptest! {
        #[test]
        fn any_table_round_trips(table in table()) {
            let bytes = table.encode();
            prop_assert_eq!(FrameTable::decode(&bytes), Ok(table));
            prop_assert_eq!(FrameTable::decode(&bytes).unwrap().encode(), bytes);
        }

        #[test]
        fn what_is_cut_off_or_longer_is_refused(table in table(), cut in any::<prop::sample::Index>()) {
            let mut bytes = table.encode();
            prop_assert!(FrameTable::decode(&bytes[..cut.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(FrameTable::decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_a_table_or_refused(bytes: Vec<u8>, table in table(), at in any::<prop::sample::Index>(), with: u8) {
            let _ = FrameTable::decode(&bytes);
            let mut bytes = table.encode();
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = FrameTable::decode(&bytes);
        }
    }

    #[test]
    fn a_hundred_thousand_frames_take_about_a_megabyte() {
        let mut position = 48;
        let packets = (0..100_000).map(|n: i64| {
            let size = 5_000 + (n * 7919 % 3000) as u32;
            position += u64::from(size) + 200;
            Packet {
                pts: 1001 * (n + [0, 3, -1, -1][(n % 4) as usize]),
                dts: 1001 * (n - 2),
                duration: 1001,
                key: n % 250 == 0,
                shown: true,
                position: Some(position),
                size,
            }
        });
        let table = FrameTable::new(source(), Origin::Demuxed, Timing::Source, packets.collect());
        assert!(table.encode().len() < 1_200_000, "{}", table.encode().len());
    }
}
