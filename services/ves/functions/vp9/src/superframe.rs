//! Frames that travel together: hidden ones before the one that is shown (VP9 bitstream
//! specification, annex B).

/// The frames that a unit consists of, in order. `None` when its index does not fit.
pub(crate) fn frames(unit: &[u8]) -> Option<Vec<&[u8]>> {
    let Some(index) = Index::of(unit) else {
        return Some(vec![unit]);
    };
    let (mut frames, mut at) = (Vec::new(), 0_usize);
    for size in index.sizes {
        let end = at.checked_add(size)?;
        frames.push(unit.get(at..end).filter(|frame| !frame.is_empty())?);
        at = end;
    }
    (at + index.bytes == unit.len()).then_some(frames)
}

/// The index at the end of a superframe.
struct Index {
    sizes: Vec<usize>,
    /// Of the index itself.
    bytes: usize,
}

impl Index {
    /// A unit without one is a frame by itself.
    fn of(unit: &[u8]) -> Option<Self> {
        const MARKER: u8 = 0b1100_0000;
        let marker = *unit.last()?;
        if marker & 0b1110_0000 != MARKER {
            return None;
        }
        let (count, width) = (
            usize::from(marker & 7) + 1,
            usize::from(marker >> 3 & 3) + 1,
        );
        let bytes = 2 + count * width;
        let index = unit.get(unit.len().checked_sub(bytes)?..)?;
        if index.first() != Some(&marker) {
            return None;
        }
        // Little-endian.
        let size = |digits: &[u8]| digits.iter().rev().fold(0, |n, d| n << 8 | usize::from(*d));
        let sizes = index[1..bytes - 1].chunks(width).map(size).collect();
        Some(Self { sizes, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_unit_without_an_index_is_a_frame() {
        assert_eq!(frames(&[0x82, 1, 2]), Some(vec![&[0x82, 1, 2][..]]));
        assert_eq!(frames(&[]), Some(vec![&[][..]]));
        // Ends like a marker by chance.
        assert_eq!(frames(&[0x82, 0xc1]), Some(vec![&[0x82, 0xc1][..]]));
    }

    #[test]
    fn an_index_divides_a_superframe() {
        let unit = [0x84, 7, 0x86, 0xc1, 2, 1, 0xc1];
        assert_eq!(frames(&unit), Some(vec![&[0x84, 7][..], &[0x86]]));
        let wide = [0x84, 7, 0x86, 0xc9, 2, 0, 1, 0, 0xc9];
        assert_eq!(frames(&wide), Some(vec![&[0x84, 7][..], &[0x86]]));
    }

    #[test]
    fn an_index_that_does_not_fit_is_refused() {
        for sizes in [[1, 1], [3, 1], [3, 0], [200, 200]] {
            let unit = [0x84, 7, 0x86, 0xc1, sizes[0], sizes[1], 0xc1];
            assert_eq!(frames(&unit), None, "{sizes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_divided_or_refused(unit in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(frames) = frames(&unit) {
                prop_assert!(unit.starts_with(&frames.concat()));
            }
        }
    }
}
