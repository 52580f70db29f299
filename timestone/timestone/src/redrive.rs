//! Messages wait again, or otherwise, because somebody says so.

use std::collections::BTreeMap;

use crate::check;
use crate::limits::MAX_DELAY_MS;
use crate::message::{Ending, State};
use crate::payload::Payload;
use crate::{MessageKey, Outcome, Queues, Refusal};

/// How a message that waits shall wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reschedule {
    pub key: MessageKey,
    /// `None` = as it is.
    pub priority: Option<i64>,
    /// When it may be leased: Unix milliseconds of the store's clock, which may be
    /// past. `None` = as it is.
    pub visible_at: Option<i64>,
}

impl Queues {
    /// Puts an errored message back, with so many attempts; `None` = its queue's.
    /// What went to a dead-letter queue and waits there, or errored there, comes
    /// back from it. [`Outcome::Duplicate`] when it is not errored.
    pub fn redrive(&mut self, key: &MessageKey, attempts: Option<u32>) -> Result<Outcome, Refusal> {
        check::key(key)?;
        check::attempts(attempts)?;
        let sequence = self.sequence(key)?;
        match self.ending_of(sequence) {
            Some(Ending::Errored) => {
                self.refuse_deleting(&key.queue)?;
                self.revive(sequence, attempts, None);
            }
            Some(Ending::DeadLettered) => {
                self.refuse_deleting(&key.queue)?;
                let content = self.take_dead_letter(sequence, key)?;
                self.revive(sequence, attempts, Some(content));
            }
            Some(Ending::Canceled | Ending::NeverSeen) => {
                return Err(Refusal::Canceled(key.clone()));
            }
            Some(Ending::Completed) | None => return Ok(Outcome::Duplicate),
        }
        Ok(Outcome::Done)
    }

    /// Gives a message back what came from a dead-letter queue of another shard.
    pub(crate) fn give_content_back(&mut self, sequence: u64, message: crate::NewMessage) {
        let content = Content {
            payload_bytes: u32::try_from(message.payload.len()).unwrap_or(u32::MAX),
            payload: Payload::Here(message.payload),
            metadata: message.metadata,
        };
        self.revive(sequence, message.attempts, Some(content));
    }

    fn revive(&mut self, sequence: u64, attempts: Option<u32>, content: Option<Content>) {
        let message = self.messages.get(sequence);
        let default = message.map_or(1, |message| self.config_of(&message.queue).attempts);
        let carried = content.map(|content| {
            self.recent.hold(sequence, content.payload);
            self.changes.body(sequence);
            (content.payload_bytes, content.metadata)
        });
        self.change(sequence, |message| {
            message.attempts_left = attempts.unwrap_or(default);
            message.state = State::Pending;
            if let Some((bytes, metadata)) = carried {
                message.payload_bytes = bytes;
                message.details.set_metadata(&metadata);
            }
        });
    }

    /// Takes what a message carried out of the dead-letter queue.
    fn take_dead_letter(&mut self, sequence: u64, key: &MessageKey) -> Result<Content, Refusal> {
        let message = self.messages.get(sequence);
        let letter = message.and_then(|message| self.dead_letter_of(&message));
        let letter = letter.and_then(|letter| self.find_message(&letter.queue, &letter.id));
        self.take_content(letter, key)
    }

    /// Takes what the message of `key` carried out of its letter.
    pub(crate) fn take_content(
        &mut self,
        letter: Option<u64>,
        key: &MessageKey,
    ) -> Result<Content, Refusal> {
        let gone = || Refusal::PayloadGone(key.clone());
        let letter = letter.ok_or_else(gone)?;
        let found = self.messages.get(letter).ok_or_else(gone)?;
        match &found.state {
            State::Pending | State::Invisible { .. } => {}
            State::Ended(end) if end.how == Ending::Errored => {}
            State::Running(_) | State::Ended(_) => return Err(gone()),
        }
        let content = Content {
            payload: self.payload_of(letter, &found),
            payload_bytes: found.payload_bytes,
            metadata: found.details.to_map(),
        };
        self.remove(letter);
        Ok(content)
    }

    /// Changes how a message waits. [`Outcome::Duplicate`] when it does so already.
    pub fn reschedule(&mut self, reschedule: &Reschedule) -> Result<Outcome, Refusal> {
        let Reschedule {
            key,
            priority,
            visible_at,
        } = reschedule;
        check::key(key)?;
        self.refuse_far(*priority, *visible_at)?;
        let sequence = self.sequence(key)?;
        match self.ending_of(sequence) {
            Some(Ending::Canceled | Ending::NeverSeen) => {
                return Err(Refusal::Canceled(key.clone()));
            }
            _ if !self.waits(sequence) => return Err(Refusal::NotWaiting(key.clone())),
            _ => {}
        }
        Ok(self.wait_otherwise(sequence, *priority, *visible_at))
    }

    fn wait_otherwise(
        &mut self,
        sequence: u64,
        priority: Option<i64>,
        visible_at: Option<i64>,
    ) -> Outcome {
        let Some(message) = self.messages.get(sequence) else {
            return Outcome::Duplicate;
        };
        let priority = priority.unwrap_or(message.priority);
        let state = match visible_at {
            None => message.state.clone(),
            Some(at) if at <= self.now => State::Pending,
            Some(until) => State::Invisible { until },
        };
        if message.priority == priority && message.state == state {
            return Outcome::Duplicate;
        }
        self.change(sequence, |message| {
            message.priority = priority;
            message.state = state;
        });
        Outcome::Done
    }

    fn refuse_far(&self, priority: Option<i64>, visible_at: Option<i64>) -> Result<(), Refusal> {
        let latest = self.after(MAX_DELAY_MS);
        match (priority, visible_at) {
            (None, None) => Err(check::invalid(
                "priority",
                "is missing, and so is the time: one must be given".into(),
            )),
            (_, Some(at)) if at > latest => Err(check::invalid(
                "visible_at",
                format!("is {at}; at most {latest}, a year from now"),
            )),
            _ => Ok(()),
        }
    }

    fn sequence(&self, key: &MessageKey) -> Result<u64, Refusal> {
        self.refuse_elsewhere(&key.queue, &key.id)?;
        let sequence = self.find_message(&key.queue, &key.id);
        sequence.ok_or_else(|| Refusal::NotFound(key.clone()))
    }

    pub(crate) fn ending_of(&self, sequence: u64) -> Option<Ending> {
        match &self.messages.get(sequence)?.state {
            State::Ended(end) => Some(end.how),
            _ => None,
        }
    }

    fn waits(&self, sequence: u64) -> bool {
        let state = self.messages.find(sequence).map(|message| &message.state);
        matches!(state, Some(State::Pending | State::Invisible { .. }))
    }
}

/// What a message carries.
pub(crate) struct Content {
    pub(crate) payload: Payload,
    pub(crate) payload_bytes: u32,
    pub(crate) metadata: BTreeMap<String, String>,
}
