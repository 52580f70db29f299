use std::collections::BTreeMap;
use std::sync::Arc;

use errors::Error;
use plato::Event;
use store::Batch;
use timestone::{LeaseToken, NewMessage};

use crate::jobs::Job;
use crate::records::outbox::Row;

/// Bytes after which a round takes no more input.
const FULL_BYTES: usize = 16 << 20;

/// What one turn of the loop commits together, and does once it is committed.
#[derive(Default)]
pub(crate) struct Round {
    /// When it happens, in Unix milliseconds.
    pub(crate) now_ms: i64,
    pub(crate) batch: Batch,
    bytes: usize,
    /// Events to journal, by workflow.
    pub(crate) events: BTreeMap<Arc<str>, Vec<Event>>,
    /// Events of rules to journal, by workflow.
    pub(crate) rule_events: BTreeMap<Arc<str>, Vec<plato_rules::Event>>,
    /// Outbox rows written, with their numbers.
    pub(crate) outbox: Vec<(u64, Row)>,
    /// Started when the round is committed, so that they see what it wrote.
    pub(crate) jobs: Vec<Job>,
    /// Messages to be completed.
    pub(crate) done: Vec<LeaseToken>,
    /// Whether messages are settled by what memory says of them, which is only true as long
    /// as the group is owned.
    pub(crate) judged: bool,
    /// Messages that can never be handled.
    pub(crate) refused: Vec<(LeaseToken, Error)>,
    /// How workflows are doing, told once without much ado.
    pub(crate) progress: Vec<NewMessage>,
}

impl Round {
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            now_ms,
            ..Self::default()
        }
    }

    pub(crate) fn put(&mut self, key: bytes::Bytes, value: bytes::Bytes) {
        self.bytes += key.len() + value.len();
        self.batch.put(key, value);
    }

    pub(crate) fn delete(&mut self, key: bytes::Bytes) {
        self.bytes += key.len();
        self.batch.delete(key);
    }

    /// Whether anything is asked of the queue.
    pub(crate) fn is_handed_on(&self) -> bool {
        !self.outbox.is_empty() || !self.done.is_empty()
    }

    /// Whether the rest of the input waits for the next round.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES
    }
}
