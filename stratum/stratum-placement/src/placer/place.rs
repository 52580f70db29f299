//! Tasks in their turn, onto hosts with room.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use super::{Placer, Round};
use crate::plan::{Fill, Problem, plan};
use crate::waiting::{Kind, Place};
use crate::{Choice, Resources, TaskId, limits};

impl Placer {
    /// Places the tasks whose turn it is and for which enough is free altogether. Whether there
    /// was anything to do.
    ///
    /// Where all of them find room their order does not matter, and they are packed together;
    /// where not, they are placed strictly in their order.
    pub(super) fn place_some(&mut self, round: &mut Round) -> bool {
        let batch = self.admit(round.now);
        if batch.is_empty() {
            return false;
        }
        if batch.len() < limits::PLANNED || !self.place_together(&batch, round) {
            self.place_each(&batch, round);
        }
        true
    }

    /// Takes tasks in their order while enough is free altogether.
    fn admit(&mut self, now: u64) -> Vec<TaskId> {
        let mut free = self.index.free();
        let mut batch = Vec::new();
        while batch.len() < limits::BATCH {
            let Some((demand, id)) = self.next(now) else {
                break;
            };
            if demand.fits(free) {
                free = free.minus(demand);
                self.take(id);
                batch.push(id);
            } else if batch.is_empty() {
                self.index.has_no_room(demand);
            } else {
                break;
            }
        }
        batch
    }

    /// The waiting task whose turn it is, among those whose pools are not full and for which
    /// there may be room.
    fn next(&self, now: u64) -> Option<(Resources, TaskId)> {
        let heads = self.waiting.heads(now);
        let heads = heads.filter(|(kind, _)| {
            !self.index.is_hopeless(kind.demand)
                && self.pools.full(kind.pool, kind.demand).is_none()
        });
        let first = heads.min_by(|a, b| self.compare(*a, *b))?;
        Some((first.0.demand, first.1.4))
    }

    /// What is within its pool's reserve goes first; then what is overdue; then by class, by what
    /// pools use beyond their reserves, and by deadline.
    pub(super) fn compare(&self, a: (Kind, Place), b: (Kind, Place)) -> Ordering {
        let borrows = |kind: Kind| !self.pools.is_within_reserve(kind.pool, kind.demand);
        let ((kind_a, place_a), (kind_b, place_b)) = (a, b);
        let by_reserve = borrows(kind_a).cmp(&borrows(kind_b));
        let by_class = (place_a.0, place_a.1).cmp(&(place_b.0, place_b.1));
        by_reserve
            .then(by_class)
            .then_with(|| self.pools.compare_shares(kind_a.pool, kind_b.pool))
            .then(place_a.cmp(&place_b))
    }

    fn place_each(&mut self, batch: &[TaskId], round: &mut Round) {
        for id in batch {
            let Some(demand) = self.tasks.get(id).map(|entry| entry.task.demand) else {
                continue;
            };
            let best = match self.index.is_hopeless(demand) {
                true => None,
                false => self.index.best(demand, self.largest),
            };
            match best {
                Some(best) => {
                    let choice = Choice::BestFit { among: best.among };
                    self.start(*id, best.host, choice, round);
                }
                None => {
                    self.index.has_no_room(demand);
                    self.put_back(*id);
                }
            }
        }
    }

    /// Whether all of them found room.
    fn place_together(&mut self, batch: &[TaskId], round: &mut Round) -> bool {
        let mut tasks: BTreeMap<Resources, VecDeque<TaskId>> = BTreeMap::new();
        for id in batch {
            if let Some(entry) = self.tasks.get(id) {
                let alike = tasks.entry(entry.task.demand).or_default();
                alike.push_back(*id);
            }
        }
        if tasks.len() > limits::PLANNED_DEMANDS {
            return false;
        }
        let mut hosts = self.index.alike();
        let wanted = tasks
            .iter()
            .map(|(demand, tasks)| (*demand, tasks.len() as u64));
        let Some(fills) = plan(Problem::new(&hosts, wanted, self.largest)) else {
            return false;
        };
        let mut tasks: Vec<VecDeque<TaskId>> = tasks.into_values().collect();
        for fill in fills {
            for _ in 0..fill.times {
                if let Some(host) = hosts[fill.alike].hosts.pop() {
                    let filled = take_for(&mut tasks, &fill);
                    let choice = Choice::Packed {
                        tasks: filled.len(),
                    };
                    for id in filled {
                        self.start(id, host, choice, round);
                    }
                }
            }
        }
        true
    }
}

/// The tasks for one host of the fill.
fn take_for(tasks: &mut [VecDeque<TaskId>], fill: &Fill) -> Vec<TaskId> {
    let parts = tasks.iter_mut().zip(&fill.pattern);
    let taken = parts.flat_map(|(tasks, count)| {
        let count = usize::try_from(*count).unwrap_or(usize::MAX);
        tasks.drain(..count.min(tasks.len()))
    });
    taken.collect()
}
