//! Open bitstream units that tell their length (AV1 bitstream specification, 5.2 to 5.4).

/// One unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub kind: u8,
    /// With header and length.
    pub whole: &'a [u8],
    pub payload: &'a [u8],
}

impl Obu<'_> {
    /// Parameters of the whole sequence.
    pub const SEQUENCE_HEADER: u8 = 1;
    /// Begins each temporal unit of a stream; no container holds it.
    pub const TEMPORAL_DELIMITER: u8 = 2;
    /// A frame header by itself.
    pub const FRAME_HEADER: u8 = 3;
    /// A frame header with its tiles.
    pub const FRAME: u8 = 6;
}

/// The units that `stream` consists of, in order; `None` stands for the place where it is
/// malformed, and is the last.
pub fn units(stream: &[u8]) -> impl Iterator<Item = Option<Obu<'_>>> {
    let mut rest = Some(stream);
    std::iter::from_fn(move || {
        let bytes = rest.filter(|bytes| !bytes.is_empty())?;
        let unit = first(bytes);
        rest = unit.map(|unit| &bytes[unit.whole.len()..]);
        Some(unit)
    })
}

const FORBIDDEN: u8 = 0x80;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

fn first(bytes: &[u8]) -> Option<Obu<'_>> {
    let header = *bytes.first()?;
    if header & FORBIDDEN != 0 || header & HAS_SIZE == 0 {
        return None;
    }
    let at = if header & HAS_EXTENSION == 0 { 1 } else { 2 };
    let (size, digits) = leb128(bytes.get(at..)?)?;
    let start = at + digits;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    Some(Obu {
        kind: header >> 3 & 0x0f,
        whole: bytes.get(..end)?,
        payload: bytes.get(start..end)?,
    })
}

/// A little-endian number of seven bits a byte, and how many bytes it takes (4.10.5).
fn leb128(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1)).filter(|_| value <= u64::from(u32::MAX));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_tell_their_kind_and_length() {
        let stream = [0x12, 0, 0x0a, 0x82, 0x00, 7, 8, 0x36, 0x10, 1, 9];
        let found: Vec<_> = units(&stream).map(Option::unwrap).collect();
        let told: Vec<_> = found.iter().map(|unit| (unit.kind, unit.payload)).collect();
        assert_eq!(told, [(2, &[][..]), (1, &[7, 8]), (6, &[9])]);
        assert_eq!(found[1].whole, &stream[2..7]);
    }

    #[test]
    fn what_is_cut_short_or_has_no_length_ends_with_none() {
        for malformed in [
            &[0x12][..],
            &[0x0a, 3, 1, 2],
            &[0x08, 0],
            &[0x92, 0],
            &[0x0a, 0x80],
        ] {
            assert_eq!(
                units(malformed).collect::<Vec<_>>(),
                [None],
                "{malformed:?}"
            );
        }
        assert_eq!(
            units(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).last(),
            Some(None)
        );
        assert_eq!(units(&[]).count(), 0);
    }

    proptest! {
        #[test]
        fn units_are_the_bytes_they_were_read_from(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
            let found: Vec<_> = units(&stream).collect();
            let whole: Vec<u8> = found.iter().flatten().flat_map(|unit| unit.whole.to_vec()).collect();
            prop_assert!(stream.starts_with(&whole));
            prop_assert_eq!(whole.len() == stream.len(), found.iter().all(Option::is_some));
        }
    }
}
