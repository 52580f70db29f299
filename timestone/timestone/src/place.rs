//! Where a queue lives, when there are several key spaces for them.

use crate::{Queues, Refusal};

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

/// Over how many shards a queue with this many partitions is spread, of so many.
pub fn spread(partitions: u32, shards: u32) -> u32 {
    partitions.min(shards).max(1)
}

/// The shards of a queue with this many partitions, of so many shards: first the one that its
/// configuration is settled in, which is the [shard of](shard_of) its name.
pub fn shards_of(queue: &str, partitions: u32, shards: u32) -> impl Iterator<Item = u32> + use<> {
    let (home, shards) = (shard_of(queue, shards), shards.max(1));
    (0..spread(partitions, shards)).map(move |partition| (home + partition) % shards)
}

/// The shard of a message of such a queue. Like that of a queue, it never changes.
pub fn shard_of_message(queue: &str, id: &str, partitions: u32, shards: u32) -> u32 {
    let partition = shard_of(id, spread(partitions, shards));
    (shard_of(queue, shards) + partition) % shards.max(1)
}

impl Queues {
    /// The shard of a message, as far as is known here: the first of its queue's knows.
    pub(crate) fn shard_of(&self, queue: &str, id: &str) -> u32 {
        let partitions = self.config_of(queue).partitions;
        shard_of_message(queue, id, partitions, self.place.shards)
    }

    /// Whether a message is one of another shard's.
    pub(crate) fn is_elsewhere(&self, queue: &str, id: &str) -> bool {
        self.place.shards > 1 && self.shard_of(queue, id) != self.place.shard
    }

    /// Whether a message that another brings about here goes to another shard first: the first of
    /// its queue's alone knows for sure where it belongs.
    pub(crate) fn is_sent(&self, queue: &str, id: &str) -> bool {
        !self.is_home(queue) || self.is_elsewhere(queue, id)
    }

    /// Whether this is the first shard of a queue.
    pub(crate) fn is_home(&self, queue: &str) -> bool {
        shard_of(queue, self.place.shards) == self.place.shard
    }

    /// Refuses a message that is one of another shard's: who asks does not know how its queue
    /// is spread.
    pub(crate) fn refuse_elsewhere(&self, queue: &str, id: &str) -> Result<(), Refusal> {
        match self.is_elsewhere(queue, id) {
            true => Err(elsewhere(queue)),
            false => Ok(()),
        }
    }

    /// Refuses who asks for messages of queues as if all of them were here.
    pub(crate) fn refuse_spread(&self, queues: &[String]) -> Result<(), Refusal> {
        let mut spread = queues.iter().filter(|queue| self.spread_of(queue) > 1);
        spread.next().map_or(Ok(()), |queue| Err(elsewhere(queue)))
    }

    /// Over how many shards a queue is spread, as far as is known here.
    pub fn spread_of(&self, queue: &str) -> u32 {
        spread(self.config_of(queue).partitions, self.place.shards)
    }
}

fn elsewhere(queue: &str) -> Refusal {
    Refusal::Elsewhere {
        queue: queue.to_owned(),
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
    #![allow(clippy::unwrap_used)]
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
    fn a_message_lies_in_a_shard_of_its_queue() {
        for (partitions, shards) in [(1, 16), (4, 16), (16, 5), (3, 1)] {
            let of_queue: Vec<_> = shards_of("q", partitions, shards).collect();
            assert_eq!(of_queue[0], shard_of("q", shards));
            let mut counts = vec![0; of_queue.len()];
            for id in 0..10_000 {
                let shard = shard_of_message("q", &id.to_string(), partitions, shards);
                counts[of_queue.iter().position(|of| *of == shard).unwrap()] += 1;
            }
            let even = 10_000 / counts.len();
            let evenly = even * 9 / 10..=even * 11 / 10;
            assert!(counts.iter().all(|n| evenly.contains(n)), "{counts:?}");
        }
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
