//! Workers that wait for messages, in the order they came.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use timestone::{Delivery, Demand, LeasedMessage, Session};
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};

/// Workers that may wait at once; more are answered at once.
pub(crate) const MAX_WAITERS: usize = 16_384;

/// A worker that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) demand: Demand,
    /// How long it waits at most.
    pub(crate) wait_ms: u64,
    pub(crate) answer: oneshot::Sender<Result<Granted, TimestoneError>>,
}

/// Leases on their way to a worker; given back when nobody takes them.
#[derive(Debug)]
pub(crate) struct Granted {
    messages: Vec<LeasedMessage>,
    undo: Option<(Undo, mpsc::Sender<Undo>)>,
}

/// Names an answer that nobody took.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    pub(crate) epoch: u64,
    pub(crate) session: Session,
    pub(crate) request_id: String,
    pub(crate) answer: u32,
}

impl Granted {
    pub(crate) fn nothing() -> Self {
        Self {
            messages: Vec::new(),
            undo: None,
        }
    }

    pub(crate) fn new(
        demand: &Demand,
        delivery: Delivery,
        epoch: u64,
        undos: mpsc::Sender<Undo>,
    ) -> Self {
        let undo = Undo {
            epoch,
            session: demand.session.clone(),
            request_id: demand.request_id.clone(),
            answer: delivery.answer,
        };
        Self {
            messages: delivery.messages,
            undo: Some((undo, undos)),
        }
    }

    /// Takes the leases.
    pub(crate) fn claim(mut self) -> Vec<LeasedMessage> {
        self.undo = None;
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some((undo, undos)) = self.undo.take() {
            // Where this finds no room or no owner, the leases lapse.
            let _ = undos.try_send(undo);
        }
    }
}

/// All who wait, by queue and by the end of their patience.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: u64,
    waiting: BTreeMap<u64, (Waiter, i64)>,
    by_queue: HashMap<String, BTreeSet<u64>>,
    by_end: BTreeSet<(i64, u64)>,
    by_request: HashMap<(Session, String), u64>,
}

impl Waiters {
    /// Whether one more may wait; those whose callers have gone make room.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.waiting.len() >= MAX_WAITERS {
            let gone = self.waiting.iter();
            let gone = gone.filter(|(_, (waiter, _))| waiter.answer.is_closed());
            let gone: Vec<_> = gone.map(|(id, _)| *id).collect();
            gone.into_iter().for_each(|id| drop(self.remove(id)));
        }
        self.waiting.len() < MAX_WAITERS
    }

    /// Lets `waiter` wait until then. An older one of the same request is
    /// returned: its caller has called again.
    pub(crate) fn insert(&mut self, waiter: Waiter, until: i64) -> Option<Waiter> {
        let request = request_of(&waiter);
        let older = self.by_request.get(&request).copied();
        let older = older.and_then(|older| self.remove(older));
        self.next += 1;
        for queue in &waiter.demand.queues {
            let queue = self.by_queue.entry(queue.clone()).or_default();
            queue.insert(self.next);
        }
        self.by_end.insert((until, self.next));
        self.by_request.insert(request, self.next);
        self.waiting.insert(self.next, (waiter, until));
        older
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Waiter> {
        self.waiting.get(&id).map(|(waiter, _)| waiter)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Waiter> {
        let (waiter, until) = self.waiting.remove(&id)?;
        self.by_end.remove(&(until, id));
        self.by_request.remove(&request_of(&waiter));
        for queue in &waiter.demand.queues {
            self.leave(queue, id);
        }
        Some(waiter)
    }

    fn leave(&mut self, queue: &str, id: u64) {
        if let Some(ids) = self.by_queue.get_mut(queue) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_queue.remove(queue);
            }
        }
    }

    /// Who has waited longest for this queue.
    pub(crate) fn first(&self, queue: &str) -> Option<(u64, &Waiter)> {
        let id = self.by_queue.get(queue)?.first()?;
        self.waiting.get(id).map(|(waiter, _)| (*id, waiter))
    }

    /// Whose patience has ended.
    pub(crate) fn pop_ended(&mut self, now: i64) -> Option<Waiter> {
        let (until, id) = *self.by_end.first()?;
        match until <= now {
            true => self.remove(id),
            false => None,
        }
    }

    pub(crate) fn next_end(&self) -> Option<i64> {
        self.by_end.first().map(|(until, _)| *until)
    }
}

fn request_of(waiter: &Waiter) -> (Session, String) {
    (
        waiter.demand.session.clone(),
        waiter.demand.request_id.clone(),
    )
}

#[cfg(test)]
mod tests;
