//! Hosts that are kept free for what is overdue, so that small tasks cannot starve large ones.

use super::{Placer, Round};
use crate::{Choice, Decision, HostId, Keep, Resources, TaskId, limits};

impl Placer {
    /// Starts the tasks whose hosts have become free enough.
    pub(super) fn use_kept(&mut self, round: &mut Round) {
        for (id, host) in self.kept.clone() {
            let Some(kind) = self.tasks.get(&id).map(super::Entry::kind) else {
                continue;
            };
            let has_room = kind.demand.fits(self.hosts[host.index()].free);
            if has_room && self.pools.full(kind.pool, kind.demand).is_none() {
                self.take(id);
                self.start(id, host, Choice::Kept, round);
            }
        }
    }

    /// Keeps hosts free for the first overdue task of each kind that found no room.
    pub(super) fn keep(&mut self, round: &mut Round) {
        let mut overdue: Vec<_> = self
            .waiting
            .heads(round.now)
            .filter(|(kind, place)| place.0 <= round.now && self.index.is_hopeless(kind.demand))
            .filter(|(kind, _)| self.pools.full(kind.pool, kind.demand).is_none())
            .collect();
        overdue.sort_by(|a, b| self.compare(*a, *b));
        for (kind, (.., id)) in overdue {
            if self.kept.len() >= self.most_kept() {
                break;
            }
            if !self.kept.contains_key(&id) {
                self.keep_for(id, kind.demand, round);
            }
        }
    }

    fn most_kept(&self) -> usize {
        let hosts: usize = self.capacities.values().sum();
        (hosts / limits::KEPT).max(1)
    }

    fn keep_for(&mut self, task: TaskId, demand: Resources, round: &mut Round) {
        let Some(host) = self.nearest(demand) else {
            return;
        };
        self.change(host, |state| state.kept_for = Some(task));
        self.kept.insert(task, host);
        round.decisions.push(Decision::Keep(Keep {
            host,
            host_name: self.names[host.index()].clone(),
            task,
        }));
    }

    /// The open host that is large enough and on which least is missing.
    fn nearest(&self, demand: Resources) -> Option<HostId> {
        let hosts = self.hosts.iter().enumerate();
        let suitable = hosts
            .filter(|(_, state)| state.is_open() && demand.fits(state.host.capacity))
            .map(|(n, state)| {
                let missing = demand.minus(state.free).shares(self.largest);
                (missing.iter().sum::<u64>(), n)
            });
        let (_, n) = suitable.min()?;
        u32::try_from(n).ok().map(HostId)
    }

    /// Opens the host that is kept for a task, if there is one.
    pub(super) fn unkeep(&mut self, task: TaskId) {
        if let Some(host) = self.kept.remove(&task) {
            self.change(host, |state| state.kept_for = None);
        }
    }
}
