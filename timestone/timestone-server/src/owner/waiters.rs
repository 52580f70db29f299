//! Workers that wait for messages, in the order they came.
//!
//! Those who want the same of a queue stand in one line; when the first of a line
//! gets nothing, the others would get nothing either.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use timestone::{
    Clause, Delivery, Demand, LeaseToken, LeasedMessage, Payloads, Session, Sight, Taken,
};
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};

/// Workers that may wait at once; more are answered at once.
pub(crate) const MAX_WAITERS: usize = 16_384;

/// A worker that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) demand: Demand,
    /// How long it waits at most; a subscriber for ever.
    pub(crate) wait_ms: u64,
    pub(crate) taker: Taker,
}

impl Waiter {
    /// Whether it wants to be told, not given.
    pub(crate) fn looks(&self) -> bool {
        matches!(self.taker, Taker::Looker(_))
    }

    /// Whether it has no room, so that it stands in nobody's way.
    pub(crate) fn is_full(&self) -> bool {
        matches!(&self.taker, Taker::Looker(looker) if looker.full)
    }

    /// Whether this is worth telling one who looks.
    pub(crate) fn is_news(&self, sight: &Sight) -> bool {
        match &self.taker {
            Taker::Looker(looker) => {
                sight.held != looker.held || !(sight.next.is_empty() || looker.full)
            }
            Taker::Call(_) | Taker::Subscriber(_) => false,
        }
    }
}

/// Who takes the leases.
#[derive(Debug)]
pub(crate) enum Taker {
    /// A call, once.
    Call(oneshot::Sender<Result<Granted, TimestoneError>>),
    /// A subscriber, again and again.
    Subscriber(Subscriber),
    /// Nobody: it is told what it could take, once.
    Looker(Looker),
}

/// One who is sent messages.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) messages: mpsc::Sender<Result<Granted, TimestoneError>>,
    /// Before they are on stable storage.
    pub(crate) ahead: bool,
}

/// One who looks for what it could take.
#[derive(Debug)]
pub(crate) struct Looker {
    /// Leases that it is known to hold; another number is news.
    pub(crate) held: u32,
    /// It has no room: what it could take is no news.
    pub(crate) full: bool,
    pub(crate) answer: oneshot::Sender<Result<Sight, TimestoneError>>,
}

/// Leases wanted beside those that are held under a request.
#[derive(Debug)]
pub(crate) struct Taking {
    pub(crate) demand: Demand,
    pub(crate) taken: Taken,
    pub(crate) answer: oneshot::Sender<Result<Vec<LeasedMessage>, TimestoneError>>,
}

impl Taker {
    /// Whether nobody is there any more.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Call(answer) => answer.is_closed(),
            Self::Subscriber(subscriber) => subscriber.messages.is_closed(),
            Self::Looker(looker) => looker.answer.is_closed(),
        }
    }
}

/// Leases on their way to a worker; given back when nobody takes them.
#[derive(Debug)]
pub(crate) struct Granted {
    delivery: Delivery,
    /// To whom, and the epoch of whose leases they are.
    undo: Option<(To, u64, mpsc::Sender<Undo>)>,
}

/// Who is to take leases.
#[derive(Debug)]
enum To {
    /// A call, which may be repeated and answered again.
    Call(Session, String),
    Subscriber,
}

/// Something that nobody took.
#[derive(Debug)]
pub(crate) struct Undo {
    pub(crate) epoch: u64,
    pub(crate) what: Untaken,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// An answer of a request.
    Answer(Session, String, u32),
    /// What was sent to a subscriber.
    Leases(Vec<LeaseToken>),
}

impl Granted {
    pub(crate) fn nothing() -> Self {
        Self {
            delivery: Delivery::default(),
            undo: None,
        }
    }

    pub(crate) fn new(
        demand: &Demand,
        delivery: Delivery,
        epoch: u64,
        undos: mpsc::Sender<Undo>,
    ) -> Self {
        let to = To::Call(demand.session.clone(), demand.request_id.clone());
        Self {
            delivery,
            undo: Some((to, epoch, undos)),
        }
    }

    /// Leases for a subscriber.
    pub(crate) fn sent(delivery: Delivery, epoch: u64, undos: mpsc::Sender<Undo>) -> Self {
        Self {
            delivery,
            undo: Some((To::Subscriber, epoch, undos)),
        }
    }

    fn untaken(&mut self, to: To) -> Untaken {
        let messages = std::mem::take(&mut self.delivery.messages);
        match to {
            To::Call(session, request) => Untaken::Answer(session, request, self.delivery.answer),
            To::Subscriber => {
                Untaken::Leases(messages.into_iter().map(|leased| leased.token).collect())
            }
        }
    }

    /// Fills in the payloads that were read for it.
    pub(crate) fn fill(&mut self, read: &Payloads) {
        self.delivery.fill(read);
    }

    /// Takes the leases.
    pub(crate) fn claim(mut self) -> Vec<LeasedMessage> {
        self.undo = None;
        std::mem::take(&mut self.delivery.messages)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some((to, epoch, undos)) = self.undo.take() {
            let what = self.untaken(to);
            // Where this finds no room or no owner, the leases lapse.
            let _ = undos.try_send(Undo { epoch, what });
        }
    }
}

/// Who waits for a queue, by what they want of it.
type Lines = HashMap<Option<Clause>, BTreeSet<u64>>;

/// All who wait, by queue and by the end of their patience.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: u64,
    waiting: BTreeMap<u64, (Waiter, i64)>,
    by_queue: HashMap<String, Lines>,
    by_end: BTreeSet<(i64, u64)>,
    by_request: HashMap<(Session, String), u64>,
}

impl Waiters {
    /// Whether one more may wait; those whose callers have gone make room.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.waiting.len() >= MAX_WAITERS {
            self.gone().into_iter().for_each(|id| drop(self.remove(id)));
        }
        self.waiting.len() < MAX_WAITERS
    }

    /// How many wait, subscribers included.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn gone(&self) -> Vec<u64> {
        let waiting = self.waiting.iter();
        let gone = waiting.filter(|(_, (waiter, _))| waiter.taker.is_gone());
        gone.map(|(id, _)| *id).collect()
    }

    /// Lets `waiter` wait until then. An older one of the same request is
    /// returned: its caller has called again.
    pub(crate) fn insert(&mut self, waiter: Waiter, until: i64) -> Option<Waiter> {
        let request = request_of(&waiter);
        let older = self.by_request.get(&request).copied();
        let older = older.and_then(|older| self.remove(older));
        self.next += 1;
        self.by_end.insert((until, self.next));
        self.by_request.insert(request, self.next);
        self.waiting.insert(self.next, (waiter, until));
        self.line_up(self.next);
        older
    }

    /// Who waits under this request.
    pub(crate) fn find(&self, session: &Session, request_id: &str) -> Option<u64> {
        let request = (session.clone(), request_id.to_owned());
        self.by_request.get(&request).copied()
    }

    /// Lets a waiter stand in the lines of its queues, where its age says, if it wants something.
    pub(crate) fn line_up(&mut self, id: u64) {
        let Some((waiter, _)) = self.waiting.get(&id) else {
            return;
        };
        if waiter.is_full() {
            return;
        }
        for queue in &waiter.demand.queues {
            let lines = self.by_queue.entry(queue.clone()).or_default();
            let line = lines.entry(waiter.demand.filter.clone()).or_default();
            line.insert(id);
        }
    }

    /// Undoes [`line_up`](Self::line_up): the waiter wants nothing for now.
    pub(crate) fn step_out(&mut self, id: u64) {
        if let Some((waiter, until)) = self.waiting.remove(&id) {
            self.leave_all(&waiter, id);
            self.waiting.insert(id, (waiter, until));
        }
    }

    fn leave_all(&mut self, waiter: &Waiter, id: u64) {
        for queue in &waiter.demand.queues {
            self.leave(queue, &waiter.demand.filter, id);
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Waiter> {
        self.waiting.get(&id).map(|(waiter, _)| waiter)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Waiter> {
        let (waiter, until) = self.waiting.remove(&id)?;
        self.by_end.remove(&(until, id));
        self.by_request.remove(&request_of(&waiter));
        self.leave_all(&waiter, id);
        Some(waiter)
    }

    fn leave(&mut self, queue: &str, wanted: &Option<Clause>, id: u64) {
        let Some(lines) = self.by_queue.get_mut(queue) else {
            return;
        };
        if let Some(line) = lines.get_mut(wanted) {
            line.remove(&id);
            if line.is_empty() {
                lines.remove(wanted);
            }
        }
        if lines.is_empty() {
            self.by_queue.remove(queue);
        }
    }

    /// Who has waited longest in each line of this queue.
    pub(crate) fn firsts(&self, queue: &str) -> BTreeMap<u64, Option<Clause>> {
        let lines = self.by_queue.get(queue).into_iter().flatten();
        let first = |(wanted, line): (&Option<Clause>, &BTreeSet<u64>)| {
            line.first().map(|id| (*id, wanted.clone()))
        };
        lines.filter_map(first).collect()
    }

    /// Who has waited longest in one line of this queue.
    pub(crate) fn first(&self, queue: &str, wanted: &Option<Clause>) -> Option<u64> {
        self.by_queue.get(queue)?.get(wanted)?.first().copied()
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
