//! Bits of a payload, as the headers of coding formats are written.

/// Bits of a payload, most significant first; `None` behind its end.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A number of so many bits, 32 at most.
    pub fn number(&mut self, bits: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..bits {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.number(1).map(|bit| bit == 1)
    }

    /// Passes over so many bits.
    pub fn skip(&mut self, bits: u32) -> Option<()> {
        (0..bits).try_for_each(|_| self.number(1).map(drop))
    }

    /// A number behind as many zeros as it has more bits than one, from 0: `uvlc()` of AV1 (4.10.3),
    /// `ue(v)` of H.264 and its successors (9.1).
    pub fn variable(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Some(u32::MAX);
            }
        }
        let rest = self.number(zeros)?;
        Some(rest + ((1 << zeros) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_fixed_and_variable_length() {
        let mut bits = Bits::new(&[0b1011_0010, 0b1000_0000]);
        assert_eq!(bits.number(3), Some(5));
        assert_eq!(bits.variable(), Some(0));
        assert_eq!(bits.variable(), Some(4));
        assert_eq!(bits.skip(6), Some(()));
        assert_eq!((bits.flag(), bits.flag()), (Some(false), None));
    }
}
