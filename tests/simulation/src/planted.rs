//! Mistakes planted on purpose: the proof that the simulation would find them.

use plato::{Entry, Event};
use store::{Batch, Op};

/// A promise that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The store acknowledges commits that it forgets.
    LostAck,
    /// The success of a task is recorded a second time.
    DoubleSuccess,
    /// A reduce does not wait for its map.
    EarlyReduce,
    /// The store takes what an owner writes after another has taken over.
    StaleOwnerWrite,
}

impl Mistake {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::LostAck,
        Self::DoubleSuccess,
        Self::EarlyReduce,
        Self::StaleOwnerWrite,
    ];
}

/// The same batch, which records every success twice.
pub(crate) fn twice(batch: &Batch) -> Batch {
    let mut other = Batch::new();
    for op in batch.ops() {
        match op {
            Op::Put { key, value } if key.first() == Some(&b'j') => {
                other.put(key.clone(), doubled(value));
            }
            Op::Put { key, value } => {
                other.put(key.clone(), value.clone());
            }
            Op::Delete { key } => {
                other.delete(key.clone());
            }
        }
    }
    other
}

fn doubled(value: &[u8]) -> Vec<u8> {
    let Ok(mut entry) = serde_json::from_slice::<Entry>(value) else {
        return value.to_vec();
    };
    let success = |event: &&Event| matches!(event, Event::TaskSucceeded { .. });
    if let Some(again) = entry.events.iter().find(success).cloned() {
        entry.events.push(again);
    }
    serde_json::to_vec(&entry).unwrap_or_default()
}
