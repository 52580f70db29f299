//! Open hosts by what is free on them: the best one is found without looking at all.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::{HostId, Resources, limits};

/// What is free, whether nothing runs there, and which host: of equal ones, used before empty.
type Key = (Resources, bool, HostId);

#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    hosts: BTreeSet<Key>,
    /// What is free on all of them together.
    free: Resources,
    /// Demands for which no host has room; none asks for as much as another or more.
    no_room: Vec<Resources>,
}

/// Hosts with as much room.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    pub(crate) free: Resources,
    pub(crate) is_empty: bool,
    /// The first is the last to be used.
    pub(crate) hosts: Vec<HostId>,
}

/// The best host for a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    pub(crate) host: HostId,
    /// Among how many different ones with room it was chosen.
    pub(crate) among: usize,
}

impl Index {
    pub(crate) fn insert(&mut self, key: Key) {
        self.hosts.insert(key);
        self.free = self.free.plus(key.0);
        self.no_room.retain(|demand| !demand.fits(key.0));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.hosts.remove(&key);
        self.free = self.free.minus(key.0);
    }

    pub(crate) fn free(&self) -> Resources {
        self.free
    }

    /// No host has room for `demand`, so that none has room for more, until one has.
    pub(crate) fn has_no_room(&mut self, demand: Resources) {
        if !self.is_hopeless(demand) {
            self.no_room.retain(|known| !demand.fits(*known));
            self.no_room.push(demand);
        }
    }

    /// Whether it is known that no host has room.
    pub(crate) fn is_hopeless(&self, demand: Resources) -> bool {
        self.no_room.iter().any(|known| known.fits(demand))
    }

    /// The host on which least is left over, by shares of `whole`; an empty one only where no
    /// other has room.
    pub(crate) fn best(&self, demand: Resources, whole: Resources) -> Option<Best> {
        let mut best: Option<((bool, u64), HostId)> = None;
        let mut among = 0;
        for (free, is_empty, host) in self.with_room(demand).take(limits::COMPARED) {
            among += 1;
            let left: u64 = free.minus(demand).shares(whole).iter().sum();
            let better = best.is_none_or(|(score, _)| (is_empty, left) < score);
            if better {
                best = Some(((is_empty, left), host));
            }
        }
        best.map(|(_, host)| Best { host, among })
    }

    /// One host of each kind that has room, those with the fewest free processors first.
    fn with_room(&self, demand: Resources) -> impl Iterator<Item = Key> {
        let mut from = Bound::Included(first_with(demand.cpus, demand));
        std::iter::from_fn(move || {
            loop {
                let key = *self.hosts.range((from, Bound::Unbounded)).next()?;
                let free = key.0;
                if demand.fits(free) {
                    from = Bound::Excluded((free, key.1, HostId(u32::MAX)));
                    return Some(key);
                }
                from = next(free, demand);
            }
        })
    }

    /// Open hosts, alike together, those with the fewest free processors first.
    pub(crate) fn alike(&self) -> Vec<Alike> {
        let mut all: Vec<Alike> = Vec::new();
        for &(free, is_empty, host) in self.hosts.iter().rev() {
            match all.last_mut() {
                Some(last) if last.free == free && last.is_empty == is_empty => {
                    last.hosts.push(host);
                }
                _ => all.push(Alike {
                    free,
                    is_empty,
                    hosts: vec![host],
                }),
            }
        }
        all.reverse();
        all
    }

    /// Every open host.
    #[cfg(test)]
    pub(crate) fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.hosts.iter().map(|(_, _, host)| *host)
    }
}

fn first_with(cpus: u64, demand: Resources) -> Key {
    let free = Resources { cpus, ..demand };
    (
        Resources {
            network_mbps: 0,
            disk_mb: 0,
            ..free
        },
        false,
        HostId(0),
    )
}

/// Where to go on from a host that has too little of something else than processors.
fn next(free: Resources, demand: Resources) -> Bound<Key> {
    if free.memory_mb < demand.memory_mb {
        return Bound::Included(first_with(free.cpus, demand));
    }
    let network_mbps = free.network_mbps.max(demand.network_mbps);
    let wanted = Resources {
        network_mbps,
        disk_mb: demand.disk_mb,
        ..free
    };
    Bound::Included((wanted, false, HostId(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts() -> impl Strategy<Value = Resources> {
        (0..6u64, 0..6u64, 0..4u64, 0..4u64).prop_map(|(a, b, c, d)| Resources::new(a, b, c, d))
    }

    proptest! {
        #[test]
        fn all_hosts_with_room_are_found_and_no_others(
            hosts in prop::collection::vec(amounts(), 0..60),
            demand in amounts(),
        ) {
            let mut index = Index::default();
            for (n, free) in hosts.iter().enumerate() {
                index.insert((*free, false, HostId(u32::try_from(n).unwrap_or(0))));
            }
            let mut expected: Vec<Resources> = hosts.iter().copied().filter(|free| demand.fits(*free)).collect();
            expected.sort();
            expected.dedup();
            let found: Vec<Resources> = index.with_room(demand).map(|key| key.0).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(index.hosts().count(), hosts.len());
        }
    }
}
