use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::Queues;
use crate::message::{Ending, Message, State};
use crate::record::{RecordKey, StoredQueue, body, config, head};

/// A record to write or, without value, to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// What must be stored since the last time, as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    heads: BTreeSet<u64>,
    bodies: BTreeSet<u64>,
    configs: BTreeSet<Arc<str>>,
}

impl Changes {
    pub(crate) fn head(&mut self, sequence: u64) {
        self.heads.insert(sequence);
    }

    pub(crate) fn body(&mut self, sequence: u64) {
        self.bodies.insert(sequence);
    }

    pub(crate) fn config(&mut self, queue: Arc<str>) {
        self.configs.insert(queue);
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len() + self.bodies.len() + self.configs.len()
    }
}

/// Whether the payload is of use in this state.
pub(crate) fn keeps_payload(state: &State) -> bool {
    !matches!(
        state,
        State::Ended(end) if end.how != Ending::Errored
    )
}

impl Queues {
    /// How many records must be stored.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// The records to store, in one batch, before any answer since the last call
    /// may be given. A record that changed several times comes once.
    pub fn take_writes(&mut self) -> Vec<Write> {
        let changes = std::mem::take(&mut self.changes);
        let heads = changes.heads.iter().map(|sequence| self.head(*sequence));
        let bodies = changes.bodies.iter().map(|sequence| self.body(*sequence));
        let configs = changes.configs.iter().map(|queue| self.config(queue));
        heads.chain(bodies).chain(configs).collect()
    }

    /// The queues that got a pending message since the last call.
    pub fn take_woken(&mut self) -> BTreeSet<Arc<str>> {
        self.index.take_woken()
    }

    fn head(&self, sequence: u64) -> Write {
        Write {
            key: RecordKey::Head(sequence).encode(),
            value: self.messages.get(&sequence).map(head::encode),
        }
    }

    fn body(&self, sequence: u64) -> Write {
        let kept = |message: &&Message| keeps_payload(&message.state);
        let message = self.messages.get(&sequence).filter(kept);
        Write {
            key: RecordKey::Body(sequence).encode(),
            value: message.map(|message| body::encode(&message.payload)),
        }
    }

    fn config(&self, name: &Arc<str>) -> Write {
        let queue = self.index.queues.get(name);
        let stored = queue.and_then(StoredQueue::of);
        Write {
            key: RecordKey::Config(name.to_string()).encode(),
            value: stored.map(|stored| config::encode(&stored)),
        }
    }
}
