//! Rules at work: what comes in, turned into events and runs.

mod facts;
mod fire;
mod refusal;
mod restore;
mod runs;
mod turn;

use std::sync::Arc;

use errors::Error;
use plato::Header;
use serde_json::Value as Json;

use self::restore::{remember, remember_anew};
use self::turn::Turn;
use crate::event::{Event, NewFact};
use crate::firing::FiringPhase;
use crate::memory::{Memory, Refused};
use crate::network::MatchKey;
use crate::rules::{Rules, RunOn};
use crate::state::{Phase, State};

/// Rules at work over the facts of one subject.
///
/// Its [`State`] is the fold of its journal; the matcher is rebuilt from it.
#[derive(Debug)]
pub struct Session {
    state: State,
    memory: Memory,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody outside asserts facts; those whose key is known are updated.
    Assert(Vec<NewFact>),
    /// Somebody outside takes facts away: of each, the fields of its key count.
    Retract(Vec<NewFact>),
    /// The run of a firing ended.
    Ended {
        firing: u64,
        generation: u32,
        result: Result<Json, Error>,
    },
    /// Somebody wants nothing to fire for the time being.
    Pause { reason: String },
    /// Somebody lets paused or halted rules go on.
    Resume,
    /// Somebody wants it to end.
    Cancel { reason: String },
    /// Time has passed.
    Tick,
}

/// What one input led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be journaled. The state already is the fold of them.
    pub events: Vec<Event>,
    /// To be handed on together with the events.
    pub runs: Vec<RunNow>,
    /// Runs to be told to stop: (firing, generation) each.
    pub stop: Vec<(u64, u32)>,
    /// Set when the input changed nothing, as it came late or twice.
    pub is_ignored: bool,
    /// Facts that were refused, by their place in the input, and why.
    pub refused: Vec<(usize, Error)>,
}

/// One try of the run of a firing.
#[derive(Clone, Debug, PartialEq)]
pub struct RunNow {
    pub firing: u64,
    /// Which try, from 0.
    pub generation: u32,
    pub rule: String,
    pub on: RunOn,
    pub params: Json,
}

impl Session {
    /// Puts rules to work, with no facts yet.
    pub fn start(rules: Arc<Rules>, id: &str, header: Header, now_ms: i64) -> (Self, Step) {
        let header = Header {
            definition: rules.base().name.clone(),
            version: rules.base().version,
            ..header
        };
        let session = Self {
            state: State::new(id, header.clone(), now_ms),
            memory: Memory::new(rules),
        };
        let events = vec![Event::Started(Box::new(header))];
        (
            session,
            Step {
                events,
                ..Step::default()
            },
        )
    }

    /// Goes on from a journaled state.
    ///
    /// # Errors
    /// When its facts are not those of the rules.
    pub fn restore(rules: Arc<Rules>, state: State) -> Result<Self, Refused> {
        let memory = remember(rules, &state, |rule, firing| {
            let versions = firing.facts.iter().map(|fact| (fact.fact, fact.version));
            MatchKey {
                rule,
                facts: versions.collect(),
            }
        })?;
        Ok(Self { state, memory })
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Step {
        let mut turn = Turn::new(self, now_ms);
        if turn.session.state.phase != Phase::Canceled {
            turn.take(input);
        } else {
            turn.step.is_ignored = true;
        }
        turn.step
    }

    /// Goes on by the rules of a newer version, if it is quiet and they know its
    /// facts; `None` if not. A rule that keeps its name does not fire again for the
    /// facts that it has fired for.
    pub fn move_to(&mut self, rules: Arc<Rules>, now_ms: i64) -> Option<Step> {
        let version = rules.base().version;
        if !self.state.is_quiet() || version <= self.state.header.version {
            return None;
        }
        self.memory = remember_anew(rules, &self.state).ok()?;
        let mut turn = Turn::new(self, now_ms);
        turn.emit(Event::Moved { version });
        turn.drop_ceased();
        turn.fire_all();
        Some(turn.step)
    }

    /// When [`Input::Tick`] next has something to do, in Unix milliseconds.
    pub fn due(&self) -> Option<i64> {
        let due = self
            .state
            .active()
            .filter_map(|(_, firing)| match firing.phase {
                FiringPhase::Backoff { due_ms, .. } => Some(due_ms),
                _ => None,
            });
        due.min().filter(|_| self.state.may_fire())
    }

    /// The fold of its journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The facts, and the matches over them.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}
