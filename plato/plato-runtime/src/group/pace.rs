//! Whether the code of a node may run within a round.
//!
//! It is not our own, so it may be slow, and a round is waited for by all workflows of a
//! group. Code earns its place by being quick beside the loop, and loses it by being slow:
//! until it was quick again, and for good when that has happened too often.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use plato::{Activation, NodeId};

/// What takes longer is slow.
const QUICK: Duration = Duration::from_millis(1);
/// Times that code may be slow within a round.
const MAX_STRIKES: u8 = 3;

/// How the code of one node has been doing.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    was_quick: bool,
    strikes: u8,
}

impl Pace {
    fn is_trusted(self) -> bool {
        self.was_quick && self.strikes < MAX_STRIKES
    }

    fn took(&mut self, time: Duration) {
        let was_within = self.is_trusted();
        self.was_quick = time <= QUICK;
        if was_within && !self.was_quick {
            self.strikes += 1;
        }
    }
}

/// How the code of all nodes has been doing, by definition and version.
#[derive(Debug, Default)]
pub(crate) struct Paces(HashMap<String, BTreeMap<(u32, NodeId), Pace>>);

impl Paces {
    /// Whether the code of this node may run within a round.
    pub(crate) fn is_trusted(&self, activation: &Activation, node: NodeId) -> bool {
        let definition = activation.plan().definition();
        let paces = self.0.get(definition.name.as_str());
        let pace = paces.and_then(|paces| paces.get(&(definition.version, node)));
        pace.is_some_and(|pace| pace.is_trusted())
    }

    /// It ran for so long.
    pub(crate) fn took(&mut self, activation: &Activation, node: NodeId, time: Duration) {
        let definition = activation.plan().definition();
        if !self.0.contains_key(definition.name.as_str()) {
            self.0.insert(definition.name.clone(), BTreeMap::new());
        }
        let paces = self.0.get_mut(definition.name.as_str());
        if let Some(paces) = paces {
            paces
                .entry((definition.version, node))
                .or_default()
                .took(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(2);

    fn after(times: &[Duration]) -> bool {
        let mut pace = Pace::default();
        times.iter().for_each(|time| pace.took(*time));
        pace.is_trusted()
    }

    #[test]
    fn trust_is_earned_by_being_quick() {
        assert!(!after(&[]));
        assert!(!after(&[SLOW]));
        assert!(after(&[QUICK]));
        assert!(
            after(&[SLOW, SLOW, SLOW, SLOW, QUICK]),
            "it was slow beside the loop"
        );
    }

    #[test]
    fn trust_is_lost_by_being_slow_and_for_good_in_the_end() {
        assert!(!after(&[QUICK, SLOW]));
        assert!(after(&[QUICK, SLOW, QUICK]));
        assert!(!after(&[
            QUICK, SLOW, QUICK, SLOW, QUICK, SLOW, QUICK, QUICK
        ]));
    }
}
