/// What can go wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed instead of an answer.
    Dropped,
    /// A part of the body comes, and then nothing.
    Stalled,
    /// The answer is well-formed and brings fewer bytes than it says of the object.
    Truncated,
    /// 503.
    Busy,
    /// The connection is closed in the middle of the body.
    Cut,
    /// One byte is another, where a checksum tells.
    Corrupt,
}

impl Fault {
    pub const ALL: [Self; 6] = [
        Self::Dropped,
        Self::Stalled,
        Self::Truncated,
        Self::Busy,
        Self::Cut,
        Self::Corrupt,
    ];
}

/// How often what goes wrong. The same seed means the same faults for the same order of requests.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub seed: u64,
    /// Of a hundred requests.
    pub percent: u64,
    pub kinds: Vec<Fault>,
}

impl Faults {
    /// Every kind, for `percent` of the requests.
    #[must_use]
    pub fn all(seed: u64, percent: u64) -> Self {
        Self {
            seed,
            percent,
            kinds: Fault::ALL.to_vec(),
        }
    }

    /// What goes wrong with the request of this number, if anything.
    #[must_use]
    pub fn of(&self, number: u64) -> Option<Fault> {
        let drawn = mixed(self.seed ^ mixed(number));
        let wrong = drawn % 100 < self.percent && !self.kinds.is_empty();
        wrong.then(|| self.kinds[(drawn >> 32) as usize % self.kinds.len()])
    }
}

/// SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_requests_goes_wrong_in_every_way() {
        let faults = Faults::all(7, 20);
        let drawn: Vec<_> = (0..10_000).filter_map(|number| faults.of(number)).collect();
        assert!((1_800..2_200).contains(&drawn.len()), "{}", drawn.len());
        assert!(Fault::ALL.iter().all(|kind| drawn.contains(kind)));
        assert_eq!(
            (0..100).find_map(|number| Faults::default().of(number)),
            None
        );
    }
}
