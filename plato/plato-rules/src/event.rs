use std::collections::BTreeMap;

use errors::Error;
use plato::{Fault, Header};
use serde::{Deserialize, Serialize};

use crate::fact::{FactId, SharedFact};
use crate::value::Value;

/// The journal of rules at work: what happened, in order. Their state is the fold of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The workflow began.
    Started(Box<Header>),
    /// A fact came to be.
    Asserted {
        fact: FactId,
        kind: String,
        /// In the order of the names of the fields.
        fields: Vec<Value>,
        change: u64,
        by: By,
    },
    /// Fields of a fact got other values: (place, value) each.
    Updated {
        fact: FactId,
        fields: Vec<(usize, Value)>,
        change: u64,
        by: By,
    },
    /// A fact that was there was asserted again, on other grounds.
    Confirmed { fact: FactId, by: By },
    /// A fact went.
    Retracted { fact: FactId, change: u64, by: By },
    /// A rule fired.
    Fired(Box<Fired>),
    /// The run of a firing was handed on again, for its next try.
    TriedAgain { firing: u64, generation: u32 },
    /// A try ended badly; it is tried again at `retry_at_ms`.
    Retrying {
        firing: u64,
        generation: u32,
        fault: Fault,
        retry_at_ms: i64,
        error: Box<Error>,
    },
    /// The run of a firing succeeded.
    Succeeded { firing: u64, generation: u32 },
    /// A firing failed for good.
    Failed { firing: u64, error: Box<Error> },
    /// The match of a firing holds no more: the rule may fire for it again.
    Ceased { firing: u64 },
    /// Nothing fires until somebody resumes it, who paused it.
    Paused { reason: String },
    /// Nothing fires until somebody resumes it, or other facts come.
    Halted { error: Box<Error> },
    /// Somebody resumed it.
    Resumed,
    /// It goes on by the rules of another version.
    Moved { version: u32 },
    /// Somebody ended it.
    Canceled { reason: String },
}

/// On what grounds a fact changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Somebody outside said so.
    Outside,
    /// A firing did it.
    Firing(u64),
    /// A firing concluded it: it goes when the match of the firing ceases.
    Conclusion(u64),
    /// Nothing supports the conclusion any more.
    NoSupport,
}

/// A rule that fired: all that is needed to explain it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// Its number, from 1.
    pub firing: u64,
    pub rule: String,
    /// The facts of the `fact` patterns, in order, as they were.
    pub facts: Vec<MatchedFact>,
    /// Why the match began to hold.
    pub cause: Cause,
    /// Whether its action runs something.
    pub runs: bool,
}

/// A fact as it was when a rule fired for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedFact {
    pub fact: FactId,
    /// The number of the last change of what the rule reads of it.
    pub version: u64,
    /// In the order of the names of the fields.
    pub fields: Vec<Value>,
}

/// Why a match began to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// This fact was asserted.
    Asserted(FactId),
    /// Something the rule reads of this fact has changed.
    Updated(FactId),
    /// This fact, which had stood against it, is gone.
    Retracted(FactId),
    /// The rules are new to these facts.
    NewRules,
}

/// Events that were journaled together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of the first of them in the workflow's journal, from 0.
    pub first: u64,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    pub events: Vec<Event>,
}

/// A fact as somebody outside asserts it: its fields by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFact {
    pub kind: String,
    pub fields: BTreeMap<String, Value>,
}

/// A match that fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub(crate) rule: usize,
    pub(crate) versions: Vec<(FactId, u64)>,
    pub(crate) facts: Vec<SharedFact>,
    pub(crate) cause: Cause,
    /// How many firings led to it, each from the one before.
    pub(crate) chain: u32,
}

impl Match {
    /// The place of the rule in its base.
    pub fn rule(&self) -> usize {
        self.rule
    }

    /// The facts of the `fact` patterns, in order.
    pub fn facts(&self) -> impl Iterator<Item = FactId> {
        self.versions.iter().map(|(fact, _)| *fact)
    }

    /// Why it began to hold.
    pub fn cause(&self) -> Cause {
        self.cause
    }
}
