//! One firing of a rule.
//!
//! | from    | event        | to      |
//! |---------|--------------|---------|
//! | none    | `Fired`      | done, or out if its action runs something |
//! | out     | `Succeeded`  | done    |
//! | out     | `Retrying`   | backoff |
//! | backoff | `TriedAgain` | out     |
//! | out, done | `Failed`   | failed  |
//!
//! It is forgotten when it is done or failed and its match holds no more.

use std::collections::BTreeSet;

use plato::Faults;
use serde::{Deserialize, Serialize};

use crate::event::{Cause, Event, Fired, MatchedFact};
use crate::fact::FactId;

/// A firing as far as the journal tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    pub rule: String,
    /// The facts that matched, as they were; without values once nothing needs them.
    pub facts: Vec<MatchedFact>,
    /// Why the match began to hold.
    pub cause: Cause,
    /// When it fired, in Unix milliseconds.
    pub at_ms: i64,
    pub phase: FiringPhase,
    /// Whether its match still holds.
    pub holds: bool,
    /// How often its run has failed.
    #[serde(default)]
    pub(crate) faults: Faults,
    /// Facts it concluded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) supports: BTreeSet<FactId>,
}

/// The states of a firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringPhase {
    /// Its run was handed on.
    Out {
        generation: u32,
    },
    /// Its run may be tried again from this time on, in Unix milliseconds.
    Backoff {
        generation: u32,
        due_ms: i64,
    },
    Done,
    Failed,
}

impl FiringPhase {
    /// Whether it stays so.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

impl Firing {
    pub(crate) fn new(fired: &Fired, at_ms: i64) -> Self {
        let phase = match fired.runs {
            true => FiringPhase::Out { generation: 0 },
            false => FiringPhase::Done,
        };
        let mut firing = Self {
            rule: fired.rule.clone(),
            facts: fired.facts.clone(),
            cause: fired.cause,
            at_ms,
            phase,
            holds: true,
            faults: Faults::default(),
            supports: BTreeSet::new(),
        };
        firing.forget_values();
        firing
    }

    /// The values are needed until the run has ended, the versions as long as the match holds.
    fn forget_values(&mut self) {
        if self.phase.is_final() {
            self.facts
                .iter_mut()
                .for_each(|fact| fact.fields = Vec::new());
        }
    }

    pub(crate) fn follow(&mut self, event: &Event) {
        match event {
            Event::Succeeded { .. } => self.phase = FiringPhase::Done,
            Event::Failed { .. } => self.phase = FiringPhase::Failed,
            Event::TriedAgain { generation, .. } => {
                self.phase = FiringPhase::Out {
                    generation: *generation,
                };
            }
            Event::Retrying {
                generation,
                fault,
                retry_at_ms,
                ..
            } => {
                self.faults.count(*fault);
                let generation = generation.saturating_add(1);
                self.phase = FiringPhase::Backoff {
                    generation,
                    due_ms: *retry_at_ms,
                };
            }
            _ => {}
        }
        self.forget_values();
    }
}
