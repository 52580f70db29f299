//! What a workflow was given and what its nodes put out, as far as it fits the memory:
//! with it, what comes next can be prepared without reading the store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plato::limits::MAX_VALUES_BYTES;
use plato::{Kind, Node, NodeContext, NodeId, NodePhase, Value};

use crate::jobs::{NodeOf, node_context};

/// Bytes that a value takes beside what travels inline, for each thing that it names.
const NAMED_BYTES: usize = 128;

/// What the values of a group take, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Room(AtomicUsize);

impl Room {
    fn take(&self, bytes: usize) -> bool {
        let more = |taken: usize| Some(taken + bytes).filter(|taken| *taken <= MAX_VALUES_BYTES);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The input of a workflow and the outputs of its nodes, all of them or none: what finds no
/// room is read from the store from then on.
#[derive(Debug)]
pub(crate) struct Values {
    room: Arc<Room>,
    bytes: usize,
    input: Value,
    outputs: HashMap<NodeId, Value>,
}

impl Values {
    /// Those of a workflow that has just started; `None` when there is no room.
    pub(crate) fn new(room: &Arc<Room>, input: Value) -> Option<Self> {
        let bytes = size(&input);
        room.take(bytes).then(|| Self {
            room: Arc::clone(room),
            bytes,
            input,
            outputs: HashMap::new(),
        })
    }

    /// With one more; `None` when there is no room.
    pub(crate) fn with(mut self, node: NodeId, value: Value) -> Option<Self> {
        let bytes = size(&value);
        let has_room = self.room.take(bytes);
        has_room.then(|| {
            self.bytes += bytes;
            self.outputs.insert(node, value);
            self
        })
    }

    /// What the one task of a node is given; `None` when the store must be asked.
    pub(crate) fn context(&self, of: &NodeOf, nodes: &[Node]) -> Option<NodeContext> {
        let plan = of.activation.plan();
        if !matches!(plan.node(of.node).kind, Kind::Single | Kind::Reduce { .. }) {
            return None;
        }
        let mut outputs = BTreeMap::new();
        for ancestor in plan.ancestors(of.node) {
            match self.outputs.get(&ancestor) {
                Some(value) => {
                    outputs.insert(plan.node(ancestor).name.clone(), value.clone());
                }
                None if nodes[ancestor.index()].phase() == NodePhase::Skipped => {}
                None => return None,
            }
        }
        Some(node_context(of, self.input.clone(), outputs))
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

fn size(value: &Value) -> usize {
    let named = 1 + value.blobs.len() + usize::from(value.list.is_some());
    value.inline.len() + named * NAMED_BYTES
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_forgotten_makes_room() {
        let room = Arc::new(Room::default());
        let half = || Value::inline(vec![0; MAX_VALUES_BYTES / 2]);
        let kept = Values::new(&room, half()).unwrap();
        assert!(
            Values::new(&room, half()).is_none(),
            "each takes more than half"
        );
        assert!(kept.with(NodeId(0), half()).is_none());
        assert!(
            Values::new(&room, half()).is_some(),
            "the first was dropped"
        );
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }
}
