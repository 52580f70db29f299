use std::sync::Arc;

use bytes::Bytes;

use crate::message::{Message, State};
use crate::record::{RecordKey, StoredQueue, config, head};
use crate::{Queues, RecordError, Wording};

/// Rebuilds queues from their records, which may come in any order. Payloads are
/// not among them.
pub struct Recovery {
    queues: Queues,
}

impl Recovery {
    pub fn new(wording: Arc<dyn Wording>) -> Self {
        Self {
            queues: Queues::new(wording),
        }
    }

    /// What the keys of the records to be read begin with.
    pub fn prefixes() -> [&'static [u8]; 2] {
        RecordKey::RECOVERED
    }

    /// Takes one record.
    pub fn record(&mut self, key: &[u8], value: Bytes) -> Result<(), RecordError> {
        match RecordKey::decode(key)? {
            RecordKey::Body(_) => {}
            RecordKey::Head(sequence) => {
                let message = head::decode(value)?;
                self.queues.messages.insert(sequence, message);
            }
            RecordKey::Config(name) => {
                self.queue(name.into(), config::decode(value)?);
            }
        }
        Ok(())
    }

    fn queue(&mut self, name: Arc<str>, stored: StoredQueue) {
        let index = &mut self.queues.index;
        if stored.deleting {
            index.doomed.insert(Arc::clone(&name));
        }
        let queue = index.queues.entry(name).or_default();
        queue.deleting = stored.deleting;
        if let Some(config) = stored.config {
            queue.configure(config);
        }
    }

    /// All queues as they were, but that every running message has its full
    /// lease from `now`: Unix milliseconds.
    pub fn finish(mut self, now: i64) -> Queues {
        self.queues.at(now);
        let mut messages = std::mem::take(&mut self.queues.messages);
        for (sequence, message) in &mut messages {
            self.complete(*sequence, message);
        }
        self.queues.next_sequence = messages.keys().max().map_or(0, |last| last + 1);
        self.queues.messages = messages;
        self.queues
    }

    fn complete(&mut self, sequence: u64, message: &mut Message) {
        if let State::Running(lease) = &mut message.state {
            lease.until = self.queues.after(lease.hold_ms);
        }
        self.queues.index.admit(sequence, message);
    }
}
