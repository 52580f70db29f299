//! Messages go out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check;
use crate::limits::MAX_DEQUEUE_BYTES;
use crate::message::{Lease, State};
use crate::payload::{Payload, Payloads};
use crate::queue::Queue;
use crate::sessions::{Entry, Request};
use crate::{Clause, LeasedMessage, Queues, Refusal, Session, Taken};

/// What to lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The most urgent message of all of them comes first.
    pub queues: Vec<String>,
    /// Leases wanted.
    pub max: u32,
    /// `None` = the queue's.
    pub lease_ms: Option<u64>,
    /// Only messages for which this holds; the queues must be able to find them by it.
    pub filter: Option<Clause>,
    pub session: Session,
    /// A repeated one is answered with the same messages while they are leased.
    pub request_id: String,
}

/// What was leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// To be [filled](Self::fill) before they are given to anybody.
    pub messages: Vec<LeasedMessage>,
    /// How often this request has been answered.
    pub answer: u32,
    /// Which messages lack their payload.
    lacking: Vec<(usize, Payload)>,
}

impl Delivery {
    /// Fills in the payloads that were not at hand, once the commit has read them.
    pub fn fill(&mut self, read: &Payloads) {
        for (index, payload) in self.lacking.drain(..) {
            if let Some(message) = self.messages.get_mut(index) {
                message.payload = payload.bytes(read);
            }
        }
    }
}

impl Queues {
    /// Leases the most urgent messages, each under a random number from `nonce`.
    pub fn dequeue(
        &mut self,
        demand: &Demand,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Delivery, Refusal> {
        self.refuse_spread(&demand.queues)?;
        self.admit(demand)?;
        if self.request(demand).is_none() {
            self.lease_next(demand, demand.max, nonce);
        }
        Ok(self.answer(demand))
    }

    /// Whether what is wanted can be, by this session.
    pub(crate) fn admit(&mut self, demand: &Demand) -> Result<(), Refusal> {
        check::demand(demand)?;
        demand
            .filter
            .iter()
            .try_for_each(|filter| self.refuse_filter(filter, &demand.queues))?;
        self.enter(&demand.session)
    }

    /// A dequeue never looks at messages that it does not lease.
    fn refuse_filter(&self, filter: &Clause, queues: &[String]) -> Result<(), Refusal> {
        let key = filter.key.as_str();
        for name in queues {
            let queue = self.index.queues.get(name.as_str());
            let keys = queue.map(Queue::dequeues_by).unwrap_or_default();
            if !keys.contains(key) {
                return Err(check::invalid("filter", not_by(key, name, &keys)));
            }
        }
        Ok(())
    }

    /// Takes back what a dequeue was answered with, as if it had not happened,
    /// when the answer was never taken; unless a repeated call got it as well.
    pub fn undo_dequeue(&mut self, session: &Session, request_id: &str, answer: u32) {
        let Some(request) = self.index.sessions.request(session, request_id).cloned() else {
            return;
        };
        if answer > 0 && request.answers == answer {
            request
                .messages
                .iter()
                .for_each(|message| self.give_back(*message));
        }
    }

    fn give_back(&mut self, sequence: u64) {
        self.change(sequence, |message| {
            message.attempts_left = message.attempts_left.saturating_add(1);
            message.state = State::Pending;
        });
    }

    /// Ends the leases that earlier boots of a worker hold: their time is up now.
    fn enter(&mut self, session: &Session) -> Result<(), Refusal> {
        match self.index.sessions.enter(session) {
            Entry::Known => Ok(()),
            Entry::New(running) => {
                running
                    .iter()
                    .for_each(|message| self.lapse_other_boot(*message, session));
                self.tick(self.now);
                Ok(())
            }
            Entry::Retired => Err(check::invalid(
                "session.boot",
                "has been followed by a newer one of the same owner".into(),
            )),
        }
    }

    fn lapse_other_boot(&mut self, sequence: u64, session: &Session) {
        let boot = self
            .lease(sequence)
            .map(|lease| lease.session.boot.as_str());
        if boot.is_some_and(|boot| boot != session.boot) {
            self.set_lease_end(sequence, self.now);
        }
    }

    pub(crate) fn request(&self, demand: &Demand) -> Option<&Request> {
        let sessions = &self.index.sessions;
        sessions.request(&demand.session, &demand.request_id)
    }

    /// Leases up to `max` messages.
    pub(crate) fn lease_next(
        &mut self,
        demand: &Demand,
        max: u32,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Vec<u64> {
        self.lease_some(demand, max, Taken::default(), nonce)
    }

    /// Leases up to `max` messages while they are urgent enough for a take; tells which.
    pub(crate) fn lease_some(
        &mut self,
        demand: &Demand,
        max: u32,
        taken: Taken,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Vec<u64> {
        let session = Arc::new(demand.session.clone());
        let request_id: Arc<str> = demand.request_id.as_str().into();
        let up_to = taken.up_to.unwrap_or(i64::MAX);
        let (mut bytes, mut leased) = (0, Vec::new());
        for _ in 0..max {
            let Some(sequence) = self.index.first(&demand.queues, demand.filter.as_ref()) else {
                break;
            };
            let Some(message) = self.messages.find(sequence) else {
                break;
            };
            bytes += message.payload_bytes as usize;
            if message.priority > up_to || bytes > MAX_DEQUEUE_BYTES {
                break;
            }
            let lease_ms = self.lease_of(sequence, demand);
            let lease = Lease {
                session: Arc::clone(&session),
                request_id: Arc::clone(&request_id),
                take: taken.number,
                nonce: nonce(),
                until: self.after(lease_ms),
                lease_ms,
                hold_ms: lease_ms,
            };
            self.deliver(sequence, Box::new(lease));
            leased.push(sequence);
        }
        leased
    }

    fn lease_of(&self, sequence: u64, demand: &Demand) -> u64 {
        let queue = self.messages.find(sequence).map(|message| &message.queue);
        let default = || queue.map_or(0, |queue| self.config_of(queue).lease_ms);
        demand.lease_ms.unwrap_or_else(default)
    }

    fn deliver(&mut self, sequence: u64, lease: Box<Lease>) {
        if let Some(message) = self.messages.find(sequence) {
            self.index.serve(message);
        }
        self.change(sequence, |message| {
            message.attempts_left = message.attempts_left.saturating_sub(1);
            message.deliveries += 1;
            message.state = State::Running(lease);
        });
    }

    /// What is leased under the demand's request, most urgent first.
    pub(crate) fn answer(&mut self, demand: &Demand) -> Delivery {
        let sessions = &mut self.index.sessions;
        let request = sessions.answer(&demand.session, &demand.request_id);
        let mut request = request.unwrap_or_default();
        let rank = |sequence: &u64| (self.messages.find(*sequence).map(|m| m.priority), *sequence);
        request.messages.sort_by_key(rank);
        Delivery {
            answer: request.answers,
            ..self.delivery(&request.messages)
        }
    }

    /// Messages that are leased, as they are handed out.
    pub(crate) fn delivery(&mut self, sequences: &[u64]) -> Delivery {
        let mut delivery = Delivery::default();
        for sequence in sequences {
            let Some((leased, payload)) = self.leased(*sequence) else {
                continue;
            };
            if self.recent.want(&payload) {
                delivery.lacking.push((delivery.messages.len(), payload));
            }
            delivery.messages.push(leased);
        }
        delivery
    }
}

fn not_by(key: &str, queue: &str, keys: &BTreeSet<&str>) -> String {
    let keys: Vec<_> = keys.iter().copied().collect();
    let can = match keys.is_empty() {
        true => "no key".to_owned(),
        false => keys.join(", "),
    };
    format!("asks for {key}, but {queue} can be dequeued by {can} only")
}
