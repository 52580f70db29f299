//! Where a queue lives, when there are several key spaces for them.

/// One of the shards that all queues are spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many there are; at least one.
    pub shards: u32,
    /// Which of them this is.
    pub shard: u32,
}

impl Default for Place {
    /// The only one.
    fn default() -> Self {
        Self {
            shards: 1,
            shard: 0,
        }
    }
}

impl Place {
    /// Whether this queue lives elsewhere.
    pub(crate) fn is_not_of(&self, queue: &str) -> bool {
        shard_of(queue, self.shards) != self.shard
    }
}

/// The shard of a queue, of so many. It is remembered in stores by where records lie, and
/// never changes: FNV-1a, of which the upper half is mixed into the lower.
pub fn shard_of(queue: &str, shards: u32) -> u32 {
    let hash = queue.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = hash ^ (hash >> 32);
    (mixed % u64::from(shards.max(1))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_never_moves() {
        let queues = ["", "a", "plato/ves/0", "stratum/ves-avc"];
        let shards = queues.map(|queue| shard_of(queue, 16));
        assert_eq!(shards, [1, 0, 3, 8]);
        assert!(queues.iter().all(|queue| shard_of(queue, 1) == 0));
        assert_eq!(shard_of("a", 0), 0);
    }

    #[test]
    fn queues_are_spread_evenly() {
        let mut counts = [0_u32; 16];
        for queue in 0..16_000 {
            counts[shard_of(&format!("stratum/function-{queue}"), 16) as usize] += 1;
        }
        assert!(
            counts.iter().all(|n| (800..1_200).contains(n)),
            "{counts:?}"
        );
    }
}
