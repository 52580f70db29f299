//! Messages go out.

use std::sync::Arc;

use crate::check;
use crate::limits::MAX_DEQUEUE_BYTES;
use crate::message::{Lease, State};
use crate::sessions::{Entry, Request};
use crate::{LeasedMessage, Queues, Refusal, Session};

/// What to lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The most urgent message of all of them comes first.
    pub queues: Vec<String>,
    /// Leases wanted.
    pub max: u32,
    /// `None` = the queue's.
    pub lease_ms: Option<u64>,
    pub session: Session,
    /// A repeated one is answered with the same messages while they are leased.
    pub request_id: String,
}

/// What was leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub messages: Vec<LeasedMessage>,
    /// How often this request has been answered.
    pub answer: u32,
}

impl Queues {
    /// Leases the most urgent messages, each under a random number from `nonce`.
    pub fn dequeue(
        &mut self,
        demand: &Demand,
        nonce: &mut dyn FnMut() -> u64,
    ) -> Result<Delivery, Refusal> {
        check::demand(demand)?;
        self.enter(&demand.session)?;
        if self.request(demand).is_none() {
            self.lease_most_urgent(demand, nonce);
        }
        Ok(self.answer(demand))
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

    fn request(&self, demand: &Demand) -> Option<&Request> {
        let sessions = &self.index.sessions;
        sessions.request(&demand.session, &demand.request_id)
    }

    fn lease_most_urgent(&mut self, demand: &Demand, nonce: &mut dyn FnMut() -> u64) {
        let session = Arc::new(demand.session.clone());
        let request_id: Arc<str> = demand.request_id.as_str().into();
        let mut bytes = 0;
        for _ in 0..demand.max {
            let Some(sequence) = self.index.most_urgent(&demand.queues) else {
                return;
            };
            bytes += self
                .messages
                .get(&sequence)
                .map_or(0, |message| message.payload.len());
            if bytes > MAX_DEQUEUE_BYTES {
                return;
            }
            let lease_ms = self.lease_of(sequence, demand);
            self.deliver(
                sequence,
                Lease {
                    session: Arc::clone(&session),
                    request_id: Arc::clone(&request_id),
                    nonce: nonce(),
                    until: self.after(lease_ms),
                    lease_ms,
                    hold_ms: lease_ms,
                },
            );
        }
    }

    fn lease_of(&self, sequence: u64, demand: &Demand) -> u64 {
        let queue = self.messages.get(&sequence).map(|message| &message.queue);
        let default = || queue.map_or(0, |queue| self.config_of(queue).lease_ms);
        demand.lease_ms.unwrap_or_else(default)
    }

    fn deliver(&mut self, sequence: u64, lease: Lease) {
        self.change(sequence, |message| {
            message.attempts_left = message.attempts_left.saturating_sub(1);
            message.deliveries += 1;
            message.state = State::Running(lease);
        });
    }

    /// What is leased under the demand's request, most urgent first.
    fn answer(&mut self, demand: &Demand) -> Delivery {
        let sessions = &mut self.index.sessions;
        let request = sessions.answer(&demand.session, &demand.request_id);
        let mut request = request.unwrap_or_default();
        let rank = |sequence: &u64| (self.messages.get(sequence).map(|m| m.priority), *sequence);
        request.messages.sort_by_key(rank);
        let leased = request.messages.iter();
        Delivery {
            messages: leased.filter_map(|message| self.leased(*message)).collect(),
            answer: request.answers,
        }
    }
}
