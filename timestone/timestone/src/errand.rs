//! What a queue of another shard is to be given.
//!
//! It is stored by the commit that makes it true, in place of the message that would be
//! added here; whoever owns the shard has it [received](Queues::receive) over there, and
//! then [forgets](Queues::errands_done) it. Received twice is received once: a message by
//! its id, as long as that is remembered, and what is given back by the state of its message.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::check;
use crate::details::Details;
use crate::id::Id;
use crate::limits::MAX_DERIVED_ID_BYTES;
use crate::message::{Ending, Message};
use crate::payload::{Payload, Payloads};
use crate::{MessageKey, NewMessage, Outcome, Queues, Refusal};

/// Something for a queue of another shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// `not_after` has been looked at.
    pub message: NewMessage,
    pub task: Task,
}

/// What to do with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Work that was handed on, or a reply: the message is added, though its queue be full
    /// or blocked.
    HandOn,
    /// A dead letter, with the error of its message.
    Letter(Bytes),
    /// What a message carried before it went to a dead-letter queue: it is put back.
    Return,
}

/// An errand that waits to be run, in the order of its number.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub number: u64,
    errand: Errand,
    payload: Payload,
}

impl Waiting {
    /// All of it, once the commit has read what it lacks.
    pub fn filled(self, read: &Payloads) -> Errand {
        let mut errand = self.errand;
        errand.message.payload = self.payload.bytes(read);
        errand
    }
}

/// Errands that are stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errands {
    by_number: BTreeMap<u64, Stored>,
    /// By shard and number.
    by_shard: BTreeSet<(u32, u64)>,
}

impl Errands {
    fn insert(&mut self, shard: u32, number: u64, stored: Stored) {
        self.by_shard.insert((shard, number));
        self.by_number.insert(number, stored);
    }

    fn remove(&mut self, shard: u32, number: u64) -> bool {
        let known = self.by_shard.remove(&(shard, number));
        known && self.by_number.remove(&number).is_some()
    }

    fn of(&self, shard: u32) -> impl Iterator<Item = (u64, &Stored)> {
        let numbers = self.by_shard.range((shard, 0)..=(shard, u64::MAX));
        numbers.filter_map(|(_, number)| Some((*number, self.by_number.get(number)?)))
    }
}

/// An errand without what its message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) errand: Errand,
    /// How long its payload is at most.
    pub(crate) payload_bytes: u32,
}

impl Queues {
    /// The shards that errands wait for.
    pub fn errands_for(&self) -> BTreeSet<u32> {
        let errands = self.errands.by_shard.iter();
        errands.map(|(shard, _)| *shard).collect()
    }

    /// How many errands wait.
    pub fn errands_len(&self) -> usize {
        self.errands.by_number.len()
    }

    /// The next errands for a shard: so many, and payloads of about so many bytes.
    pub fn errands(&mut self, shard: u32, most: usize, bytes: usize) -> Vec<Waiting> {
        let mut left = bytes;
        let mut errands = Vec::new();
        for (number, stored) in self.errands.of(shard) {
            let len = stored.payload_bytes as usize;
            if errands.len() == most || (len > left && !errands.is_empty()) {
                break;
            }
            left = left.saturating_sub(len);
            errands.push(Waiting {
                number,
                errand: stored.errand.clone(),
                payload: self.payload_of_errand(number).unwrap_or(Payload::EMPTY),
            });
        }
        for errand in &errands {
            self.recent.want(&errand.payload);
        }
        errands
    }

    /// Forgets errands that were received.
    pub fn errands_done(&mut self, shard: u32, numbers: &[u64]) {
        for number in numbers {
            if self.errands.remove(shard, *number) {
                self.recent.drop(*number);
                self.changes.errand(*number);
                self.changes.body(*number);
            }
        }
    }

    /// Stores an errand whose payload has at most so many bytes.
    pub(crate) fn send(&mut self, errand: Errand, payload: Payload, payload_bytes: u32) {
        let number = self.next_sequence;
        self.next_sequence += 1;
        if payload_bytes > 0 {
            self.recent.hold(number, payload);
        }
        self.add_errand(
            number,
            Stored {
                errand,
                payload_bytes,
            },
        );
        self.changes.errand(number);
        self.changes.body(number);
    }

    /// Adds an errand that is stored.
    pub(crate) fn add_errand(&mut self, number: u64, stored: Stored) {
        let NewMessage { queue, id, .. } = &stored.errand.message;
        self.errands
            .insert(self.next_stop(queue, id), number, stored);
    }

    /// The shard that an errand goes to next: the first of its queue's, which knows where its
    /// message belongs. What others believe may be left over from a change of the queue that was
    /// never finished.
    fn next_stop(&self, queue: &str, id: &str) -> u32 {
        match self.is_home(queue) {
            true => self.shard_of(queue, id),
            false => crate::shard_of(queue, self.place.shards),
        }
    }

    pub(crate) fn stored_errand(&self, number: u64) -> Option<&Stored> {
        self.errands.by_number.get(&number)
    }

    pub(crate) fn payload_of_errand(&self, number: u64) -> Option<Payload> {
        let stored = self.stored_errand(number)?;
        Some(match stored.payload_bytes {
            0 => Payload::EMPTY,
            _ => self.recent.of(number),
        })
    }

    /// Does what another shard wants done, once; what it knows to be of a third goes there.
    pub fn receive(&mut self, errand: Errand) -> Result<Outcome, Refusal> {
        check::key(&errand.message.key())?;
        if self.is_elsewhere(&errand.message.queue, &errand.message.id) {
            self.pass_on(errand);
            return Ok(Outcome::Done);
        }
        let Errand { message, task } = errand;
        match task {
            Task::HandOn => Ok(self.hand_on_one(message)),
            Task::Letter(error) => self.take_letter(message, &error),
            Task::Return => self.take_back(message),
        }
    }

    fn pass_on(&mut self, mut errand: Errand) {
        let payload = std::mem::take(&mut errand.message.payload);
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.send(errand, Payload::Here(payload), bytes);
    }

    fn take_letter(&mut self, letter: NewMessage, error: &Bytes) -> Result<Outcome, Refusal> {
        // It would be canceled with its queue, and nobody be told.
        self.refuse_deleting(&letter.queue)?;
        if self.find_message(&letter.queue, &letter.id).is_some() {
            return Ok(Outcome::Duplicate);
        }
        let config = self.config_of(&letter.queue);
        let message = Message {
            queue: self.name(&letter.queue),
            id: Id::new(&letter.id),
            priority: letter.priority,
            payload_bytes: u32::try_from(letter.payload.len()).unwrap_or(u32::MAX),
            details: Details::new(&letter.metadata, None, Some(error)),
            attempts_left: config.attempts,
            deliveries: 0,
            version: 1,
            settled: None,
            state: self.waiting(config.invisible_ms),
        };
        self.insert(message, Payload::Here(letter.payload));
        Ok(Outcome::Done)
    }

    fn take_back(&mut self, message: NewMessage) -> Result<Outcome, Refusal> {
        self.refuse_deleting(&message.queue)?;
        let Some(sequence) = self.find_message(&message.queue, &message.id) else {
            // It was forgotten on the way; what it carried is not.
            return Ok(self.hand_on_one(message));
        };
        match self.ending_of(sequence) {
            Some(Ending::DeadLettered) => {
                self.give_content_back(sequence, message);
                Ok(Outcome::Done)
            }
            _ => Ok(Outcome::Duplicate),
        }
    }

    /// Gives what a dead letter carries back to its message, which lives in another shard:
    /// with so many attempts, `None` = its queue's. [`Outcome::Duplicate`] when that is
    /// under way.
    pub fn recall(
        &mut self,
        letter: &MessageKey,
        home: &MessageKey,
        attempts: Option<u32>,
    ) -> Result<Outcome, Refusal> {
        check::key(letter)?;
        check::key(home)?;
        check::attempts(attempts)?;
        let found = self.find_message(&letter.queue, &letter.id);
        if found.is_none() && self.is_returning(home) {
            return Ok(Outcome::Duplicate);
        }
        let content = self.take_content(found, home)?;
        let message = NewMessage {
            queue: home.queue.clone(),
            id: home.id.clone(),
            metadata: content.metadata,
            attempts,
            ..NewMessage::default()
        };
        let errand = Errand {
            message,
            task: Task::Return,
        };
        self.send(errand, content.payload, content.payload_bytes);
        Ok(Outcome::Done)
    }

    fn is_returning(&self, home: &MessageKey) -> bool {
        let mut errands = self.errands.by_number.values();
        errands.any(|Stored { errand, .. }| {
            errand.task == Task::Return && errand.message.key() == *home
        })
    }

    /// Sends a dead letter to a queue of another shard; whether it can go.
    pub(crate) fn send_letter(&mut self, sequence: u64, letter: Message, error: &Bytes) -> bool {
        let id = letter.id.to_string();
        if id.len() > MAX_DERIVED_ID_BYTES {
            return false;
        }
        let payload = self.messages.get(sequence);
        let payload = payload.map(|message| self.payload_of(sequence, &message));
        let message = NewMessage {
            queue: letter.queue.to_string(),
            id,
            priority: letter.priority,
            metadata: letter.details.to_map(),
            ..NewMessage::default()
        };
        let errand = Errand {
            message,
            task: Task::Letter(error.clone()),
        };
        let payload = payload.unwrap_or(Payload::EMPTY);
        self.send(errand, payload, letter.payload_bytes);
        true
    }
}

impl NewMessage {
    pub(crate) fn key(&self) -> MessageKey {
        MessageKey {
            queue: self.queue.clone(),
            id: self.id.clone(),
        }
    }
}
