//! How many groups a process should own: its share, and what nobody else takes.

use std::time::Duration;

/// The other processes of the service that were heard of lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) processes: u32,
    /// Groups they own together.
    pub(crate) held: u32,
    /// When the one that was silent for longest is not counted any more.
    pub(crate) silent_in: Option<Duration>,
}

/// What a process knows about its share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    groups: u32,
    /// How long groups stay with a process that is silent.
    ttl: Duration,
    others: Others,
    /// How long groups have been seen without an owner.
    unowned: Option<Duration>,
}

impl Share {
    /// As long as nobody else was heard of.
    pub(crate) fn new(groups: u32, ttl: Duration) -> Self {
        Self {
            groups,
            ttl,
            others: Others::default(),
            unowned: None,
        }
    }

    /// Takes in what was heard at a meeting, so long after the one before.
    pub(crate) fn met(&mut self, others: Others, held: u32, after: Duration) {
        self.others = others;
        self.unowned = match others.held.saturating_add(held) < self.groups {
            true => Some(
                self.unowned
                    .map_or(Duration::ZERO, |unowned| unowned + after.min(self.ttl / 3)),
            ),
            false => None,
        };
    }

    /// The groups this process may own, at most: its share, and in the end what nobody else
    /// takes.
    pub(crate) fn limit(&self) -> u32 {
        let fair = self
            .groups
            .div_ceil(self.others.processes.saturating_add(1));
        match self.unowned > Some(self.ttl * 4 / 3) {
            true => self.groups,
            false => fair,
        }
    }

    /// Until it should look again: soon when groups have lost their owner, and when another
    /// process falls silent, so that what it owned is taken over as its time runs out. What
    /// nobody can own is not looked at so often for ever.
    pub(crate) fn rest(&self) -> Duration {
        let most = match self.unowned {
            Some(unowned) if unowned < self.ttl * 2 => self.ttl / 30,
            _ => self.ttl / 3,
        };
        let silent = self.others.silent_in.unwrap_or(most);
        most.min(silent.max(self.ttl / 30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    fn met(processes: u32, held_by_others: u32, held: u32, times: u32) -> Share {
        let mut share = Share::new(5, TTL);
        let others = Others {
            processes,
            held: held_by_others,
            silent_in: None,
        };
        for _ in 0..times {
            share.met(others, held, TTL / 3);
        }
        share
    }

    #[test]
    fn groups_are_shared_evenly() {
        assert_eq!(Share::new(5, TTL).limit(), 5);
        let limits = [met(1, 2, 3, 1), met(2, 3, 2, 1), met(9, 5, 0, 1)];
        assert_eq!(limits.map(|share| share.limit()), [3, 2, 1]);
    }

    #[test]
    fn what_nobody_takes_is_taken_in_the_end() {
        assert_eq!(met(1, 0, 3, 5).limit(), 3);
        assert_eq!(met(1, 0, 3, 6).limit(), 5);
    }

    #[test]
    fn it_looks_again_soon_when_there_may_be_something_to_take() {
        let seconds = |share: Share| share.rest().as_secs();
        assert_eq!(seconds(Share::new(5, TTL)), 10);
        assert_eq!(seconds(met(1, 2, 3, 1)), 10);
        assert_eq!(seconds(met(1, 2, 2, 1)), 1, "one has no owner");
        assert_eq!(seconds(met(1, 2, 2, 7)), 10, "nobody can own it");
        let mut share = met(1, 2, 3, 1);
        for (silent_in, rest) in [(25, 10), (7, 7), (0, 1)] {
            share.others.silent_in = Some(Duration::from_secs(silent_in));
            assert_eq!(seconds(share), rest, "{silent_in}");
        }
    }
}
