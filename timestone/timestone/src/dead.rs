//! Errored messages go where somebody looks after them.

use bytes::Bytes;

use crate::details::Details;
use crate::id::Id;
use crate::limits::MAX_DERIVED_ID_BYTES;
use crate::message::{Ending, Message};
use crate::{DeadLetter, MessageKey, Queues};

impl Queues {
    /// Puts a message that ends with `error` into the dead-letter queue of its
    /// own; tells how it ends there. What cannot go stays, as errored.
    pub(crate) fn send_dead_letter(&mut self, sequence: u64, error: &Bytes) -> Ending {
        let Some(message) = self.messages.get(sequence) else {
            return Ending::Errored;
        };
        let policy = self.config_of(&message.queue).dead_letter.clone();
        let Some(DeadLetter { queue, copy }) = policy else {
            return Ending::Errored;
        };
        let letter = self.dead_letter(&message, &queue, error);
        let how = match copy {
            true => Ending::Errored,
            false => Ending::DeadLettered,
        };
        if self.is_sent(&queue, &letter.id.to_string()) {
            return match self.send_letter(sequence, letter, error) {
                true => how,
                false => Ending::Errored,
            };
        }
        if !self.takes_dead_letter(&letter) {
            return Ending::Errored;
        }
        let payload = self.payload_of(sequence, &message);
        self.insert(letter, payload);
        how
    }

    fn dead_letter(&self, message: &Message, queue: &str, error: &Bytes) -> Message {
        let config = self.config_of(queue);
        Message {
            queue: self.name(queue),
            id: Id::new(&dead_letter_id(message)),
            priority: message.priority,
            payload_bytes: message.payload_bytes,
            // Whoever waited has been told.
            details: Details::new(&message.details.to_map(), None, Some(error)),
            attempts_left: config.attempts,
            deliveries: 0,
            version: 1,
            settled: None,
            state: self.waiting(config.invisible_ms),
        }
    }

    fn takes_dead_letter(&self, letter: &Message) -> bool {
        let id = letter.id.to_string();
        id.len() <= MAX_DERIVED_ID_BYTES
            && self.refuse_another_queue(&letter.queue).is_ok()
            && self.refuse_deleting(&letter.queue).is_ok()
            && self.find_message(&letter.queue, &id).is_none()
    }

    /// Where the payload of a message went.
    pub(crate) fn dead_letter_of(&self, message: &Message) -> Option<MessageKey> {
        let policy = self.config_of(&message.queue).dead_letter.as_ref()?;
        Some(MessageKey {
            queue: policy.queue.clone(),
            id: dead_letter_id(message),
        })
    }
}

fn dead_letter_id(message: &Message) -> String {
    crate::dead_letter_id(&message.queue, &message.id.to_string(), message.deliveries)
}
