//! Where a message stands in its queue.

use crate::MessageState;
use crate::labels::{ALL, Label, NONE};
use crate::lanes::Group;
use crate::shelf::Rank;

/// The labels of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    /// [`ALL`], those of its values, that of its group; unused ones are [`ALL`].
    labels: [Label; MAX_LABELS],
    used: usize,
    pub(crate) group: Group,
}

/// All messages, a value of each metadata pair, the group.
const MAX_LABELS: usize = crate::limits::MAX_METADATA_PAIRS + 2;

/// Where a message stands.
pub(crate) struct Spot {
    pub(crate) tags: Tags,
    pub(crate) state: MessageState,
    pub(crate) rank: Rank,
}

impl Default for Tags {
    /// Of a message that is found by nothing.
    fn default() -> Self {
        Self {
            labels: [ALL; MAX_LABELS],
            used: 1,
            group: Group {
                value: None,
                tenant: NONE,
                label: ALL,
            },
        }
    }
}

impl Tags {
    /// The label that `other` has where the next of these is added.
    pub(crate) fn next_of(&self, other: &Self) -> Option<Label> {
        other.iter().nth(self.used)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Label> + use<> {
        self.labels.into_iter().take(self.used)
    }

    pub(crate) fn add(&mut self, label: Label) {
        if !self.iter().any(|other| other == label) {
            self.labels[self.used] = label;
            self.used += 1;
        }
    }
}
