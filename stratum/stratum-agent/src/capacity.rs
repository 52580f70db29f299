//! What is left to give away. Pure accounting.

use stratum::Shape;

/// Processors and memory of a host, all of it or what is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) cpus: u32,
    /// Bytes.
    pub(crate) memory: u64,
}

impl Capacity {
    /// What `shape` takes.
    pub(crate) fn of(shape: &Shape) -> Self {
        Self {
            cpus: shape.cpus,
            memory: shape.memory(),
        }
    }

    /// Whether `wanted` fits.
    pub(crate) fn fits(self, wanted: Self) -> bool {
        wanted.cpus <= self.cpus && wanted.memory <= self.memory
    }

    /// Less `taken`, which fits.
    pub(crate) fn minus(self, taken: Self) -> Self {
        Self {
            cpus: self.cpus.saturating_sub(taken.cpus),
            memory: self.memory.saturating_sub(taken.memory),
        }
    }

    /// With `returned` again.
    pub(crate) fn plus(self, returned: Self) -> Self {
        Self {
            cpus: self.cpus.saturating_add(returned.cpus),
            memory: self.memory.saturating_add(returned.memory),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn capacity(cpus: u32, memory: u64) -> Capacity {
        Capacity { cpus, memory }
    }

    #[test]
    fn both_dimensions_must_fit() {
        let host = capacity(2, 1_000);
        assert!(host.fits(capacity(2, 1_000)));
        assert!(!host.fits(capacity(3, 1)));
        assert!(!host.fits(capacity(1, 1_001)));
    }

    #[test]
    fn what_is_returned_is_there_again() {
        let host = capacity(4, 8_000);
        let shape = Shape::from_yaml("group: a\nnumCpus: 2\nmemoryInMB: 16").unwrap();
        let taken = Capacity::of(&shape);
        assert_eq!(taken, capacity(2, 16_000_000));
        let host = host.plus(taken);
        assert_eq!(host.minus(taken).plus(taken), host);
    }
}
