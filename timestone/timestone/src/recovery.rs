use std::sync::Arc;

use crate::message::{Message, State};
use crate::record::{RecordKey, StoredQueue, config, errand, head};
use crate::{Place, Queues, RecordError, Wording};

/// Rebuilds queues from their records, which may come in any order; best by key, as
/// [`prefixes`](Self::prefixes) come. Payloads are not among them.
pub struct Recovery {
    queues: Queues,
    /// Their leases begin when all is there.
    running: Vec<(u64, Message)>,
}

impl Recovery {
    pub fn new(wording: Arc<dyn Wording>) -> Self {
        Self {
            queues: Queues::new(wording),
            running: Vec::new(),
        }
    }

    /// The queues are those of one shard of several.
    pub fn at(mut self, place: Place) -> Self {
        self.queues.place = place;
        self
    }

    /// What the keys of the records to be read begin with.
    pub fn prefixes() -> [&'static [u8]; 3] {
        RecordKey::RECOVERED
    }

    /// Takes one record.
    pub fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        match RecordKey::decode(key)? {
            RecordKey::Body(_) => {}
            RecordKey::Errand(number) => {
                self.reach(number);
                self.queues.add_errand(number, errand::decode(value)?);
            }
            RecordKey::Head(sequence) => {
                let message = head::decode(value, |queue| self.queues.name(queue))?;
                self.message(sequence, message);
            }
            RecordKey::Config(name) => self.queue(&name, config::decode(value)?),
        }
        Ok(())
    }

    /// What comes later is numbered from behind this on.
    fn reach(&mut self, sequence: u64) {
        let next = &mut self.queues.next_sequence;
        *next = (*next).max(sequence.saturating_add(1));
    }

    fn message(&mut self, sequence: u64, message: Message) {
        self.reach(sequence);
        match message.state {
            State::Running(_) => self.running.push((sequence, message)),
            _ => self.queues.add_known(sequence, message),
        }
    }

    fn queue(&mut self, name: &str, stored: StoredQueue) {
        let name = self.queues.name(name);
        if let Some(config) = stored.config {
            self.queues.arrange(&name, config);
        }
        let index = &mut self.queues.index;
        if stored.deleting {
            index.doomed.insert(name.clone());
        }
        index.queues.entry(name).or_default().deleting = stored.deleting;
    }

    /// All queues as they were, but that every running message has its full
    /// lease from `now`: Unix milliseconds.
    pub fn finish(mut self, now: i64) -> Queues {
        self.queues.at(now);
        for (sequence, mut message) in std::mem::take(&mut self.running) {
            if let State::Running(lease) = &mut message.state {
                lease.until = self.queues.after(lease.hold_ms);
            }
            self.queues.add_known(sequence, message);
        }
        self.queues.first_unstored = self.queues.next_sequence;
        self.queues.order_remembered();
        self.queues
    }
}
