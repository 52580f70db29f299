use serde::{Deserialize, Serialize};

/// One access unit: the coded bytes of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Bytes in the elementary stream.
    pub size: u64,
    /// Place in presentation order within the chunk, from 0.
    pub rank: u64,
    /// Whether decoding can start here.
    pub key: bool,
}

/// The access units of a chunk in decoding order: `units.json` beside the elementary stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    pub units: Vec<Unit>,
}

impl Units {
    /// Bytes of the elementary stream.
    pub fn bytes(&self) -> u64 {
        self.units.iter().map(|unit| unit.size).sum()
    }

    /// By how many places a unit is presented before its turn in decoding order, at most.
    pub fn reorder_depth(&self) -> u64 {
        let earlier = |(turn, unit): (u64, &Unit)| turn.saturating_sub(unit.rank);
        (0..).zip(&self.units).map(earlier).max().unwrap_or(0)
    }

    /// Refuses units that are not each frame once, starting at a key frame.
    pub fn check(&self) -> Result<(), &'static str> {
        let mut ranks: Vec<_> = self.units.iter().map(|unit| unit.rank).collect();
        ranks.sort_unstable();
        match self.units.first() {
            None => Err("there are no access units"),
            Some(first) if !first.key => Err("the first access unit is no key frame"),
            Some(first) if first.rank != 0 => Err("the first access unit is not shown first"),
            _ if !ranks.into_iter().eq(0..self.units.len() as u64) => {
                Err("access units do not show each frame once")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(ranks: &[u64]) -> Units {
        let unit = |rank| Unit {
            size: 1,
            rank,
            key: rank == 0,
        };
        Units {
            units: ranks.iter().copied().map(unit).collect(),
        }
    }

    #[test]
    fn depth_is_how_far_decoding_runs_ahead() {
        assert_eq!(units(&[0, 1, 2]).reorder_depth(), 0);
        assert_eq!(units(&[0, 2, 1]).reorder_depth(), 1);
        assert_eq!(units(&[0, 4, 2, 1, 3]).reorder_depth(), 2);
    }

    #[test]
    fn each_frame_once_from_a_key_frame() {
        assert!(units(&[0, 2, 1]).check().is_ok());
        for wrong in [&[][..], &[1, 0], &[0, 2], &[0, 1, 1]] {
            assert!(units(wrong).check().is_err(), "{wrong:?}");
        }
    }
}
