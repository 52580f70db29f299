use std::sync::Arc;
use std::time::Duration;

use plato_rules::{Entry, Event, Fired, Phase, Rules, State};
use serde_json::{Map, Value as Json};

use super::log;
use super::recorded::{Outcome, RulesRecording};
use crate::answer::Call;
use crate::log::Line;

/// What became of rules at work.
#[derive(Clone, Debug)]
pub struct RulesRan {
    pub rules: Arc<Rules>,
    /// How they stand; `None` when nothing was asserted.
    pub state: Option<State>,
    pub history: Vec<Entry>,
    /// Every try that functions and services began, in order; once for each delivery. Of a
    /// rule's run, `element` is the firing.
    pub calls: Vec<Call>,
    /// Tries that were told to stop while they ran, by their ids.
    pub stopped: Vec<String>,
    /// Tries of functions that still ran at the end, by their ids.
    pub running: Vec<String>,
    pub(super) outcomes: Vec<Outcome>,
}

impl RulesRan {
    /// The tries of one rule, or of one node, in the order in which they were begun.
    pub fn calls_of(&self, rule: &str) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.node == rule).collect()
    }

    /// What happened, in order.
    pub fn log(&self) -> Vec<Line> {
        log::lines(&self.rules, &self.history)
    }

    /// The firings, in order.
    pub fn fired(&self) -> Vec<&Fired> {
        let events = self.history.iter().flat_map(|entry| &entry.events);
        let fired = events.filter_map(|event| match event {
            Event::Fired(fired) => Some(&**fired),
            _ => None,
        });
        fired.collect()
    }

    /// Why a rule fired, as `cosmos workflow explain` tells it.
    ///
    /// # Panics
    /// When there was no such firing.
    #[track_caller]
    pub fn explain(&self, firing: u64) -> String {
        let fired = self.fired().into_iter();
        let mut fired = fired.filter(|fired| fired.firing == firing);
        match fired.next() {
            Some(fired) => self.rules.explain(fired),
            None => self.fail(&format!("there is no firing {firing}")),
        }
    }

    /// The facts of a type as they stand, the oldest first, each with its fields.
    pub fn facts(&self, kind: &str) -> Vec<Json> {
        let known = self.rules.base().facts.get(kind);
        let names: Vec<&String> = known.iter().flat_map(|kind| kind.fields.keys()).collect();
        let facts = self.state.iter().flat_map(State::list);
        let facts = facts.filter(|(_, of, _)| *of == kind);
        let facts = facts.map(|(_, _, values)| {
            let values = values.into_iter().map(plato_rules::Value::to_json);
            let fields = names.iter().map(|name| (*name).clone()).zip(values);
            Json::Object(fields.collect::<Map<_, _>>())
        });
        facts.collect()
    }

    /// How long it took until the last thing happened.
    pub fn took(&self) -> Duration {
        let at_ms = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.at_ms);
        let took = at_ms(self.history.last()) - at_ms(self.history.first());
        Duration::from_millis(u64::try_from(took).unwrap_or_default())
    }

    /// This run, to be kept and replayed.
    pub fn recording(&self) -> RulesRecording {
        RulesRecording {
            base: self.rules.base().clone(),
            history: self.history.clone(),
            outcomes: self.outcomes.clone(),
        }
    }

    /// Refuses rules of which a run is out, or that are paused, halted or canceled.
    ///
    /// # Panics
    /// With what they are.
    #[track_caller]
    pub fn assert_quiet(&self) -> &Self {
        let quiet = self.state.as_ref().is_none_or(State::is_quiet);
        match (quiet, &self.state) {
            (false, Some(state)) => self.fail(&format!(
                "not quiet: {:?}, paused {:?}, {} runs are out",
                state.phase,
                state.paused,
                state.active().count()
            )),
            _ => self,
        }
    }

    /// Refuses rules that are not halted by this code.
    ///
    /// # Panics
    /// With what they are.
    #[track_caller]
    pub fn assert_halted(&self, code: &str) -> &Self {
        let state = self.state.as_ref();
        let state = state.filter(|state| state.phase == Phase::Halted);
        let found = state.and_then(|state| Some(state.error.as_ref()?.code.as_str()));
        match found {
            Some(found) if found == code => self,
            _ => self.fail(&format!("halted by {found:?}, not by {code}")),
        }
    }

    /// Refuses firings other than these rules, in this order.
    ///
    /// # Panics
    /// With those that fired.
    #[track_caller]
    pub fn assert_fired(&self, expected: &[&str]) -> &Self {
        let fired = self.fired();
        let found: Vec<&str> = fired.iter().map(|fired| fired.rule.as_str()).collect();
        match found == expected {
            true => self,
            false => self.fail(&format!("fired {found:?}, not {expected:?}")),
        }
    }

    /// Refuses other facts of a type than these, the oldest first.
    ///
    /// # Panics
    /// With those that stand.
    #[track_caller]
    pub fn assert_facts(&self, kind: &str, expected: &[Json]) -> &Self {
        let found = self.facts(kind);
        match found == expected {
            true => self,
            false => {
                let found = Json::from(found);
                let expected = Json::from(expected.to_vec());
                self.fail(&format!("facts {kind} are {found}, not {expected}"))
            }
        }
    }

    /// Refuses a log that is not made of these lines alone, in this order.
    ///
    /// # Panics
    /// At the first line that differs.
    #[track_caller]
    pub fn assert_log(&self, expected: &[&str]) -> &Self {
        let problem = crate::log::differs(&self.log(), expected);
        problem.map_or(self, |problem| self.fail(&problem))
    }

    /// Refuses a log in which these lines do not come in this order; others may come between.
    ///
    /// # Panics
    /// With the first line that does not come after those before it.
    #[track_caller]
    pub fn assert_order(&self, expected: &[&str]) -> &Self {
        let problem = crate::log::disordered(&self.log(), expected);
        problem.map_or(self, |problem| self.fail(&problem))
    }

    #[track_caller]
    #[allow(clippy::panic, reason = "a test that fails")]
    fn fail(&self, why: &str) -> ! {
        panic!("{why}\nwhat happened:\n{}", crate::log::shown(&self.log()));
    }
}
