use plato_rules::{Entry, RuleBase};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Rules as they once worked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesRecording {
    pub base: RuleBase,
    pub history: Vec<Entry>,
    /// What runs put out, which reactions may read and journals do not hold.
    pub outcomes: Vec<Outcome>,
}

/// What one try of a firing's run put out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub firing: u64,
    /// Which try, from 0.
    pub generation: u32,
    pub result: Json,
}

impl RulesRecording {
    /// What the run put out, if it did.
    pub(super) fn outcome(&self, firing: u64, generation: u32) -> Option<&Json> {
        let mut outcomes = self.outcomes.iter();
        let of = |outcome: &&Outcome| (outcome.firing, outcome.generation) == (firing, generation);
        outcomes.find(of).map(|outcome| &outcome.result)
    }
}
