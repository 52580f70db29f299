//! How many groups a process should own: its share, and what nobody else takes.

/// Meetings in a row at which groups were without an owner, before a process
/// takes more than its share.
const PATIENCE: u32 = 4;

/// The other processes of the service that were heard of lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) processes: u32,
    /// Groups they own together.
    pub(crate) held: u32,
}

/// What a process knows about its share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    groups: u32,
    others: Others,
    unowned: u32,
}

impl Share {
    /// As long as nobody else was heard of.
    pub(crate) fn new(groups: u32) -> Self {
        Self {
            groups,
            others: Others::default(),
            unowned: 0,
        }
    }

    /// Takes in what was heard at a meeting.
    pub(crate) fn met(&mut self, others: Others, held: u32) {
        self.others = others;
        self.unowned = match others.held.saturating_add(held) < self.groups {
            true => self.unowned.saturating_add(1),
            false => 0,
        };
    }

    /// The groups this process may own, at most.
    pub(crate) fn limit(&self) -> u32 {
        let fair = self
            .groups
            .div_ceil(self.others.processes.saturating_add(1));
        match self.unowned > PATIENCE {
            true => self.groups,
            false => fair,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(processes: u32, held_by_others: u32, held: u32, times: u32) -> u32 {
        let mut share = Share::new(5);
        for _ in 0..times {
            share.met(
                Others {
                    processes,
                    held: held_by_others,
                },
                held,
            );
        }
        share.limit()
    }

    #[test]
    fn groups_are_shared_evenly() {
        assert_eq!(Share::new(5).limit(), 5);
        assert_eq!(
            [met(1, 2, 3, 1), met(2, 3, 2, 1), met(9, 5, 0, 1)],
            [3, 2, 1]
        );
    }

    #[test]
    fn what_nobody_takes_is_taken_in_the_end() {
        assert_eq!(met(1, 0, 3, PATIENCE), 3);
        assert_eq!(met(1, 0, 3, PATIENCE + 1), 5);
    }
}
