//! Which shards a server takes and gives up, from what it knows of all.

use std::collections::BTreeSet;

/// What a server knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// How many shards there are.
    pub(super) shards: u32,
    /// Whose time runs.
    pub(super) members: u32,
    /// Which of them this server is, from zero; `None`: not a member.
    pub(super) rank: Option<u32>,
    /// What is owned by anybody.
    pub(super) owned: BTreeSet<u32>,
    /// What this server owns or is taking.
    pub(super) mine: BTreeSet<u32>,
}

/// What to do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) take: Vec<u32>,
    pub(super) give: Vec<u32>,
}

impl View {
    /// How many shards this server shall own: they are shared out evenly.
    pub(super) fn share(&self) -> usize {
        let Some(rank) = self.rank else {
            return 0;
        };
        let members = self.members.max(1);
        let more = u32::from(rank < self.shards % members);
        (self.shards / members + more) as usize
    }

    /// Takes what is free, up to its share, and gives up what is more.
    pub(super) fn steps(&self) -> Steps {
        let (share, mine) = (self.share(), self.mine.len());
        Steps {
            take: self.free().take(share.saturating_sub(mine)).collect(),
            give: self.mine.iter().copied().skip(share).collect(),
        }
    }

    /// What nobody has; each server begins elsewhere, so that few want the same.
    fn free(&self) -> impl Iterator<Item = u32> {
        let rank = self.rank.unwrap_or_default();
        let begin = rank.wrapping_mul(self.shards / self.members.max(1));
        let all = (0..self.shards).map(move |n| n.wrapping_add(begin) % self.shards);
        all.filter(|shard| !self.owned.contains(shard) && !self.mine.contains(shard))
    }

    /// Whether everything is owned, and this server has its share.
    pub(super) fn is_settled(&self) -> bool {
        let all = self.owned.len() == self.shards as usize;
        all && self.mine.len() == self.share() && self.mine.is_subset(&self.owned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Servers that decide one after another, each by what is so then.
    fn settle(shards: u32, alive: &[bool], owners: &mut [Option<usize>]) {
        let members: Vec<_> = (0..alive.len()).filter(|server| alive[*server]).collect();
        for _ in 0..3 {
            for (rank, server) in members.iter().enumerate() {
                let owned = |meant: &dyn Fn(usize) -> bool| {
                    let owners = (0..).zip(owners.iter());
                    let owned = owners.filter(|(_, owner)| owner.is_some_and(meant));
                    owned.map(|(shard, _)| shard).collect()
                };
                let steps = View {
                    shards,
                    members: members.len() as u32,
                    rank: Some(rank as u32),
                    owned: owned(&|owner| alive[owner]),
                    mine: owned(&|owner| owner == *server),
                }
                .steps();
                for shard in steps.take {
                    owners[shard as usize] = Some(*server);
                }
                for shard in steps.give {
                    owners[shard as usize] = None;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_shards_are_shared_out_evenly_whoever_comes_and_goes(
            shards in 1..40_u32,
            changes in prop::collection::vec(prop::collection::vec(any::<bool>(), 6), 1..8),
        ) {
            let mut owners = vec![None; shards as usize];
            for alive in changes {
                let members = alive.iter().filter(|alive| **alive).count() as u32;
                if members == 0 {
                    continue;
                }
                settle(shards, &alive, &mut owners);
                let mut counts = [0; 6];
                for owner in &owners {
                    prop_assert!(owner.is_some(), "nobody owns a shard");
                    counts[owner.unwrap_or_default()] += 1;
                }
                for (server, alive) in alive.iter().enumerate() {
                    let least = if *alive { shards / members } else { 0 };
                    let most = if *alive { shards.div_ceil(members) } else { 0 };
                    prop_assert!((least..=most).contains(&counts[server]), "{counts:?}");
                }
            }
        }
    }

    #[test]
    fn who_has_its_share_of_what_all_is_owned_changes_nothing() {
        let view = View {
            shards: 4,
            members: 2,
            rank: Some(1),
            owned: (0..4).collect(),
            mine: [2, 3].into(),
        };
        assert_eq!(view.steps(), Steps::default());
        assert!(view.is_settled());
        let alone = View { members: 3, ..view };
        assert_eq!(alone.steps().give, [3]);
        assert!(!alone.is_settled());
    }
}
