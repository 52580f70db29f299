//! Workers end their deliveries, or hold on to them.

use std::borrow::Cow;

use crate::check;
use crate::message::{Act, Ending, Message, Settled, State};
use crate::{Completion, Failure, LeaseToken, Outcome, Queues, Refusal};

/// What a token stands for now.
enum Claim {
    /// The running delivery of the message with this sequence.
    Held(u64),
    /// A delivery that ended by the same act before.
    Done,
}

impl Queues {
    /// Ends a delivery well and hands work on, or changes nothing.
    pub fn complete(&mut self, completion: Completion) -> Result<Outcome, Refusal> {
        let Completion {
            token,
            then_enqueue,
        } = completion;
        let Claim::Held(sequence) = self.claim(&token, Act::Completed)? else {
            return Ok(Outcome::Duplicate);
        };
        self.check_hand_on(&then_enqueue)?;
        self.settle(sequence, &token, Act::Completed);
        self.end(sequence, Ending::Completed, None);
        self.hand_on(then_enqueue);
        Ok(Outcome::Done)
    }

    /// Ends a delivery badly and hands work on, or changes nothing.
    ///
    /// `reply_to` is told of the end of the message, unless the worker ended it
    /// for good and hands on something itself.
    pub fn fail(&mut self, failure: Failure) -> Result<Outcome, Refusal> {
        check::failure(&failure)?;
        let Claim::Held(sequence) = self.claim(&failure.token, Act::Failed)? else {
            return Ok(Outcome::Duplicate);
        };
        self.check_hand_on(&failure.then_enqueue)?;
        self.settle(sequence, &failure.token, Act::Failed);
        self.end_or_retry(sequence, &failure);
        self.hand_on(failure.then_enqueue);
        Ok(Outcome::Done)
    }

    fn end_or_retry(&mut self, sequence: u64, failure: &Failure) {
        let error = failure.error.clone();
        match failure.last {
            true if failure.then_enqueue.is_empty() => {
                self.end_telling(sequence, Ending::Errored, error);
            }
            true => self.end(sequence, Ending::Errored, Some(error)),
            false => {
                self.edit(sequence, |message| message.details.set_error(Some(&error)));
                self.redeliver(sequence, failure.retry_in_ms);
            }
        }
    }

    /// Gives a lease back; with `refund` the delivery does not count as an attempt.
    pub fn release(&mut self, token: &LeaseToken, refund: bool) -> Result<Outcome, Refusal> {
        let Claim::Held(sequence) = self.claim(token, Act::Released)? else {
            return Ok(Outcome::Duplicate);
        };
        self.settle(sequence, token, Act::Released);
        if refund {
            self.edit(sequence, |message| {
                message.attempts_left = message.attempts_left.saturating_add(1);
            });
        }
        self.redeliver(sequence, 0);
        Ok(Outcome::Done)
    }

    /// Extends a lease to end `lease_ms` from now; `None` = as long as it was first.
    pub fn extend(
        &mut self,
        token: &LeaseToken,
        lease_ms: Option<u64>,
    ) -> Result<Outcome, Refusal> {
        check::lease(lease_ms)?;
        let (sequence, message) = self.delivered(token)?;
        self.hold(token, &message)?;
        let Some(lease) = self.lease(sequence) else {
            return Err(Refusal::LeaseLost(token.clone()));
        };
        let (first, longest) = (lease.lease_ms, lease.hold_ms);
        let lease_ms = lease_ms.unwrap_or(first);
        self.set_lease_end(sequence, self.after(lease_ms));
        if lease_ms > longest {
            self.hold_longer(sequence, lease_ms);
        }
        Ok(Outcome::Done)
    }

    fn hold_longer(&mut self, sequence: u64, hold_ms: u64) {
        let before = self.before(sequence);
        self.edit(sequence, |message| {
            if let State::Running(lease) = &mut message.state {
                lease.hold_ms = hold_ms;
            }
        });
        self.touch(sequence);
        self.note(sequence, before);
    }

    fn claim(&self, token: &LeaseToken, act: Act) -> Result<Claim, Refusal> {
        let (sequence, message) = self.delivered(token)?;
        match message.was_settled_by(token, act) {
            true => Ok(Claim::Done),
            false => self.hold(token, &message).map(|()| Claim::Held(sequence)),
        }
    }

    /// The message that was delivered under a token.
    fn delivered(&self, token: &LeaseToken) -> Result<(u64, Cow<'_, Message>), Refusal> {
        self.refuse_elsewhere(&token.key.queue, &token.key.id)?;
        let sequence = self.find_message(&token.key.queue, &token.key.id);
        let found = sequence.and_then(|found| Some((found, self.messages.get(found)?)));
        found.ok_or_else(|| Refusal::LeaseLost(token.clone()))
    }

    /// Refuses a token whose delivery does not run any more.
    fn hold(&self, token: &LeaseToken, message: &Message) -> Result<(), Refusal> {
        match &message.state {
            _ if message.is_held_by(token, self.now) => Ok(()),
            State::Ended(end) if end.how == Ending::Canceled => {
                Err(Refusal::Canceled(token.key.clone()))
            }
            _ => Err(Refusal::LeaseLost(token.clone())),
        }
    }

    fn settle(&mut self, sequence: u64, token: &LeaseToken, act: Act) {
        let settled = Settled {
            delivery: token.delivery,
            nonce: token.nonce,
            act,
        };
        self.edit(sequence, |message| message.settled = Some(settled));
    }
}
