use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::{MessageState, QueueConfig, QueueCount};

/// Where a message stands among its equals: lower comes first.
pub(crate) type Rank = (i64, u64);

/// One queue: its configuration and where its messages are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    /// `None`: never configured.
    pub(crate) config: Option<QueueConfig>,
    pub(crate) ids: HashMap<Arc<str>, u64>,
    /// The pending messages.
    pub(crate) ready: BTreeSet<Rank>,
    counts: [u64; 6],
}

impl Queue {
    pub(crate) fn config(&self) -> QueueConfig {
        self.config.clone().unwrap_or_default()
    }

    /// Whether nothing would be forgotten with it.
    pub(crate) fn is_blank(&self) -> bool {
        self.config.is_none() && self.ids.is_empty()
    }

    /// Messages that wait or run.
    pub(crate) fn depth(&self) -> u64 {
        self.counts[..3].iter().sum()
    }

    pub(crate) fn count_in(&mut self, state: MessageState) {
        self.counts[state as usize] += 1;
    }

    pub(crate) fn count_out(&mut self, state: MessageState) {
        self.counts[state as usize] -= 1;
    }

    pub(crate) fn count(&self, queue: &str) -> QueueCount {
        let [invisible, pending, running, completed, canceled, errored] = self.counts;
        QueueCount {
            queue: queue.to_owned(),
            invisible,
            pending,
            running,
            completed,
            canceled,
            errored,
        }
    }
}
