//! Tasks that wait, by pool and demand: where one of a kind cannot be placed, none of it can.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Class, PoolId, Resources, TaskId};

/// Tasks of one pool that ask for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) pool: PoolId,
    pub(crate) demand: Resources,
}

/// What decides a task's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    /// When it is overdue, in Unix milliseconds.
    pub(crate) due: u64,
    pub(crate) class: Class,
    /// `u64::MAX` = none.
    pub(crate) deadline: u64,
    pub(crate) since: u64,
    pub(crate) id: TaskId,
}

/// The place of a task among all of its pool at some time: overdue ones first, in the order in
/// which they became so; then by class, deadline and age.
pub(crate) type Place = (u64, Class, u64, u64, TaskId);

#[derive(Clone, Debug, Default)]
struct Queue {
    by_due: BTreeSet<(u64, TaskId)>,
    by_class: BTreeSet<(Class, u64, u64, TaskId)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    queues: BTreeMap<Kind, Queue>,
    count: usize,
}

impl Turn {
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        self.due <= now
    }

    pub(crate) fn place(&self, now: u64) -> Place {
        match self.is_overdue(now) {
            true => (self.due, Class::Critical, 0, 0, self.id),
            false => (u64::MAX, self.class, self.deadline, self.since, self.id),
        }
    }

    fn in_class(&self) -> (Class, u64, u64, TaskId) {
        (self.class, self.deadline, self.since, self.id)
    }
}

impl Waiting {
    pub(crate) fn insert(&mut self, kind: Kind, turn: Turn) {
        let queue = self.queues.entry(kind).or_default();
        queue.by_due.insert((turn.due, turn.id));
        queue.by_class.insert(turn.in_class());
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, kind: Kind, turn: Turn) {
        let Some(queue) = self.queues.get_mut(&kind) else {
            return;
        };
        queue.by_due.remove(&(turn.due, turn.id));
        queue.by_class.remove(&turn.in_class());
        self.count -= 1;
        if queue.by_due.is_empty() {
            self.queues.remove(&kind);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The first of each kind, and its place.
    pub(crate) fn heads(&self, now: u64) -> impl Iterator<Item = (Kind, Place)> {
        let heads = self.queues.iter();
        heads.filter_map(move |(kind, queue)| Some((*kind, queue.head(now)?)))
    }

    /// The first of each kind by class alone, whether it is overdue or not.
    pub(crate) fn heads_by_class(&self) -> impl Iterator<Item = (Kind, Place)> {
        self.queues.iter().filter_map(|(kind, queue)| {
            let (class, deadline, since, id) = *queue.by_class.first()?;
            Some((*kind, (u64::MAX, class, deadline, since, id)))
        })
    }

    /// How many of `pool` have a turn before `place`.
    pub(crate) fn ahead(&self, pool: PoolId, place: Place, now: u64) -> usize {
        let queues = self.queues.iter().filter(|(kind, _)| kind.pool == pool);
        queues.map(|(_, queue)| queue.ahead(place, now)).sum()
    }
}

impl Queue {
    fn head(&self, now: u64) -> Option<Place> {
        let (due, id) = *self.by_due.first()?;
        if due <= now {
            return Some((due, Class::Critical, 0, 0, id));
        }
        let (class, deadline, since, id) = *self.by_class.first()?;
        Some((u64::MAX, class, deadline, since, id))
    }

    fn ahead(&self, place: Place, now: u64) -> usize {
        let (due, class, deadline, since, id) = place;
        if due <= now {
            return self.by_due.range(..(due, id)).count();
        }
        let overdue: BTreeSet<TaskId> = self
            .by_due
            .range(..=(now, TaskId(u64::MAX)))
            .map(|(_, id)| *id)
            .collect();
        let before = self.by_class.range(..(class, deadline, since, id));
        let others = before.filter(|(.., id)| !overdue.contains(id)).count();
        overdue.len() + others
    }
}
