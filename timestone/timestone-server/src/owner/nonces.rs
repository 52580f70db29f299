use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Numbers that cannot be guessed: a keyed hash, with a key from the operating
/// system, over a count.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    key: RandomState,
    count: u64,
}

impl Nonces {
    pub(crate) fn draw(&mut self) -> u64 {
        self.count += 1;
        self.key.hash_one(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_owners_draw_the_same() {
        let (mut a, mut b) = (Nonces::default(), Nonces::default());
        let mut drawn: Vec<_> = (0..100).flat_map(|_| [a.draw(), b.draw()]).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 200);
    }
}
