//! Messages come in.

use std::sync::Arc;

use bytes::Bytes;

use crate::check;
use crate::details::Details;
use crate::errand::{Errand, Task};
use crate::id::Id;
use crate::message::{Ending, Message, State};
use crate::payload::{Payload, Told};
use crate::{Cause, MessageKey, MessageState, NewMessage, Outcome, Queues, Refusal};

/// What a queue knows of an id.
enum Met {
    Nothing,
    Known,
    /// Canceled before it came.
    Tombstone,
}

impl Queues {
    /// Adds a message, unless its id is known, its time is past or its queue does
    /// not take it.
    ///
    /// A message that was canceled before it came is refused as
    /// [`Refusal::Canceled`], and its `reply_to` is told.
    pub fn enqueue(&mut self, message: NewMessage) -> Result<Outcome, Refusal> {
        check::new_message(&message)?;
        self.refuse_elsewhere(&message.queue, &message.id)?;
        match self.meet(&message) {
            Met::Known => Ok(Outcome::Duplicate),
            Met::Tombstone => Err(self.bury(&message)),
            Met::Nothing => self.enqueue_unknown(message),
        }
    }

    fn enqueue_unknown(&mut self, message: NewMessage) -> Result<Outcome, Refusal> {
        self.refuse_late(&message)?;
        self.refuse_another_queue(&message.queue)?;
        self.refuse_keyless(&message)?;
        self.refuse_closed(&message.queue)?;
        self.refuse_full(&message.queue)?;
        self.add(message);
        Ok(Outcome::Done)
    }

    fn meet(&self, message: &NewMessage) -> Met {
        let sequence = self.find_message(&message.queue, &message.id);
        let known = sequence.and_then(|sequence| self.messages.get(sequence));
        match known.as_deref().map(|known| &known.state) {
            None => Met::Nothing,
            Some(State::Ended(end)) if end.how == Ending::NeverSeen => Met::Tombstone,
            Some(_) => Met::Known,
        }
    }

    fn refuse_late(&self, message: &NewMessage) -> Result<(), Refusal> {
        match message.not_after {
            Some(not_after) if self.now > not_after => Err(Refusal::TooLate(key_of(message))),
            _ => Ok(()),
        }
    }

    /// A message of an exclusive queue says what it excludes.
    fn refuse_keyless(&self, message: &NewMessage) -> Result<(), Refusal> {
        match self.config_of(&message.queue).exclusive_key() {
            Some(key) if !message.metadata.contains_key(key) => Err(check::invalid(
                "metadata",
                format!("lacks {key}, the exclusivity key of {}", message.queue),
            )),
            _ => Ok(()),
        }
    }

    fn refuse_closed(&self, queue: &str) -> Result<(), Refusal> {
        self.refuse_deleting(queue)?;
        match self.config_of(queue).enqueue_blocked {
            true => Err(Refusal::EnqueueBlocked {
                queue: queue.to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn refuse_full(&self, queue: &str) -> Result<(), Refusal> {
        let depth = self
            .index
            .queues
            .get(queue)
            .map_or(0, |queue| queue.depth());
        let limit = self.config_of(queue).max_depth;
        // Each shard takes its part.
        match depth < limit.div_ceil(self.spread_of(queue).into()) {
            true => Ok(()),
            false => Err(Refusal::QueueFull {
                queue: queue.to_owned(),
                limit,
            }),
        }
    }

    /// Whether every message could be handed on. A full or blocked queue is no
    /// hindrance: work that was accepted is not lost to it.
    pub(crate) fn check_hand_on(&self, messages: &[NewMessage]) -> Result<(), Refusal> {
        check::then_enqueue(messages)?;
        messages
            .iter()
            .try_for_each(|message| match self.meet(message) {
                // What else its queue demands is known there alone; it is not lost to that.
                Met::Nothing if self.is_sent(&message.queue, &message.id) => {
                    self.refuse_late(message)
                }
                Met::Nothing => self
                    .refuse_late(message)
                    .and_then(|()| self.refuse_keyless(message)),
                Met::Known | Met::Tombstone => Ok(()),
            })
    }

    /// Adds messages that were checked.
    pub(crate) fn hand_on(&mut self, messages: Vec<NewMessage>) {
        for message in messages {
            match self.is_sent(&message.queue, &message.id) {
                true => self.send_on(message),
                false => drop(self.hand_on_one(message)),
            }
        }
    }

    /// Adds a message that was checked, though its queue be full or blocked.
    pub(crate) fn hand_on_one(&mut self, message: NewMessage) -> Outcome {
        match self.meet(&message) {
            Met::Nothing => {
                self.add(message);
                return Outcome::Done;
            }
            Met::Known => {}
            Met::Tombstone => drop(self.bury(&message)),
        }
        Outcome::Duplicate
    }

    fn send_on(&mut self, mut message: NewMessage) {
        let payload = std::mem::take(&mut message.payload);
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        message.not_after = None;
        let errand = Errand {
            message,
            task: Task::HandOn,
        };
        self.send(errand, Payload::Here(payload), bytes);
    }

    fn add(&mut self, mut new: NewMessage) {
        let payload = std::mem::take(&mut new.payload);
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.add_with(new, Payload::Here(payload), bytes);
    }

    /// Adds a message with this payload, which has at most so many bytes.
    fn add_with(&mut self, new: NewMessage, payload: Payload, payload_bytes: u32) {
        let config = self.config_of(&new.queue);
        let attempts_left = new.attempts.unwrap_or(config.attempts);
        let state = match new.invisible_ms {
            0 => self.waiting(config.invisible_ms),
            ms => self.waiting(ms),
        };
        let message = Message {
            queue: self.name(&new.queue),
            id: Id::new(&new.id),
            priority: new.priority,
            payload_bytes,
            details: Details::new(&new.metadata, new.reply_to.as_deref(), None),
            attempts_left,
            deliveries: 0,
            version: 1,
            settled: None,
            state,
        };
        self.insert(message, payload);
    }

    /// The state of a message that may be delivered after `ms`.
    pub(crate) fn waiting(&self, ms: u64) -> State {
        match ms {
            0 => State::Pending,
            ms => State::Invisible {
                until: self.after(ms),
            },
        }
    }

    /// Tells the end of a message that met its tombstone.
    fn bury(&mut self, message: &NewMessage) -> Refusal {
        let key = key_of(message);
        if let Some(reply_to) = &message.reply_to {
            let error = self.tombstone_error(&key);
            let told = Told {
                key: key.clone(),
                state: MessageState::Canceled,
                error,
                deliveries: 0,
                of: Payload::Here(message.payload.clone()),
            };
            self.announce(reply_to, message.priority, told, 0);
        }
        Refusal::Canceled(key)
    }

    fn tombstone_error(&self, key: &MessageKey) -> Bytes {
        let sequence = self.find_message(&key.queue, &key.id);
        let tombstone = sequence.and_then(|sequence| self.messages.get(sequence));
        let error = tombstone.and_then(|tombstone| tombstone.details.error());
        error.unwrap_or_else(|| self.wording.error(key, Cause::Canceled { reason: "" }))
    }

    /// Tells `reply_to` the end of a message with a payload of so many bytes, once.
    pub(crate) fn announce(&mut self, reply_to: &str, priority: i64, told: Told, bytes: u32) {
        let mut message = NewMessage {
            queue: reply_to.to_owned(),
            id: crate::terminated_id(&told.key.queue, &told.key.id),
            priority,
            ..NewMessage::default()
        };
        let elsewhere = self.is_sent(reply_to, &message.id);
        if !matches!(self.meet(&message), Met::Nothing) {
            return;
        }
        if let Payload::Here(payload) = &told.of {
            message.payload = self.wording.terminated(&told.notice(payload));
            return match elsewhere {
                true => self.send_on(message),
                false => self.add(message),
            };
        }
        let (bytes, payload) = (told.bytes(bytes), Payload::Told(Arc::new(told)));
        match elsewhere {
            true => {
                let task = Task::HandOn;
                self.send(Errand { message, task }, payload, bytes);
            }
            false => self.add_with(message, payload, bytes),
        }
    }
}

fn key_of(message: &NewMessage) -> MessageKey {
    MessageKey {
        queue: message.queue.clone(),
        id: message.id.clone(),
    }
}
