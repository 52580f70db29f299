//! The state of rules at work: the fold of their journal.
//!
//! | from    | event      | to       |
//! |---------|------------|----------|
//! | none    | `Started`  | running  |
//! | running | `Halted`   | halted   |
//! | halted  | `Resumed`  | running  |
//! | any     | `Canceled` | canceled |
//!
//! `Paused` has nothing fire, in whichever of these states, until `Resumed`. It is *quiet* while it
//! runs and no run is out. It never ends by itself.

use std::collections::{BTreeMap, BTreeSet};

use errors::Error;
use plato::{BrokenJournal, Header};
use serde::{Deserialize, Serialize};

use crate::event::{By, Entry, Event, Fired};
use crate::fact::FactId;
use crate::firing::{Firing, FiringPhase};
use crate::value::Value;

/// The states of rules at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Running,
    /// Rules fired more often than can be meant, or could not go on.
    Halted,
    Canceled,
}

/// Rules at work, as their journal tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The id of the workflow.
    pub id: String,
    /// What it was started with; `version` is the one it goes by now.
    pub header: Header,
    pub phase: Phase,
    /// Why it is halted.
    pub error: Option<Error>,
    /// Why nothing fires, while somebody has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    pub(crate) facts: BTreeMap<FactId, KeptFact>,
    pub(crate) firings: BTreeMap<u64, Firing>,
    /// Firings whose run is out, or waits to be tried again.
    pub(crate) active: BTreeSet<u64>,
    pub(crate) next_fact: u64,
    pub(crate) changes: u64,
    pub(crate) next_firing: u64,
    /// How many events it is the fold of.
    pub events: u64,
    /// When the last of them happened, in Unix milliseconds.
    pub at_ms: i64,
}

/// A fact with the grounds it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptFact {
    pub(crate) kind: String,
    /// The number of the change that asserted it.
    pub(crate) since: u64,
    /// Values, each with the number of the change that gave it.
    pub(crate) fields: Vec<(Value, u64)>,
    /// Whether it stands by itself.
    pub(crate) stated: bool,
    /// Firings that concluded it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) supports: BTreeSet<u64>,
}

impl State {
    /// The state of rules that have just been put to work.
    pub fn new(id: impl Into<String>, header: Header, at_ms: i64) -> Self {
        Self {
            id: id.into(),
            header,
            phase: Phase::Running,
            error: None,
            paused: None,
            facts: BTreeMap::new(),
            firings: BTreeMap::new(),
            active: BTreeSet::new(),
            next_fact: 1,
            changes: 0,
            next_firing: 1,
            events: 1,
            at_ms,
        }
    }

    /// The state after a whole journal.
    ///
    /// # Errors
    /// When the entries are not the journal of one workflow, from its start.
    pub fn fold<'a>(
        id: &str,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, BrokenJournal> {
        let mut state: Option<Self> = None;
        for entry in entries {
            match &mut state {
                Some(state) => state.replay(entry)?,
                None => state = Some(Self::begin(id, entry)?),
            }
        }
        Ok(state)
    }

    fn begin(id: &str, entry: &Entry) -> Result<Self, BrokenJournal> {
        match entry.events.split_first() {
            Some((Event::Started(header), rest)) if entry.first == 0 => {
                let mut state = Self::new(id, Header::clone(header), entry.at_ms);
                rest.iter()
                    .for_each(|event| state.apply(event, entry.at_ms));
                Ok(state)
            }
            _ => Err(BrokenJournal {
                workflow: id.to_owned(),
                number: entry.first,
                problem: "a journal begins with `started`".to_owned(),
            }),
        }
    }

    /// Applies the next entry of the journal; those applied before are passed over.
    ///
    /// # Errors
    /// When entries are missing before it.
    pub fn replay(&mut self, entry: &Entry) -> Result<(), BrokenJournal> {
        if entry.first < self.events {
            return Ok(());
        }
        if entry.first > self.events {
            return Err(BrokenJournal {
                workflow: self.id.clone(),
                number: self.events,
                problem: format!("events from here to {} are missing", entry.first),
            });
        }
        entry
            .events
            .iter()
            .for_each(|event| self.apply(event, entry.at_ms));
        Ok(())
    }

    /// Applies one event.
    pub(crate) fn apply(&mut self, event: &Event, at_ms: i64) {
        self.events += 1;
        self.at_ms = at_ms;
        match event {
            Event::Started(_) => {}
            Event::Asserted {
                fact,
                kind,
                fields,
                change,
                by,
            } => {
                self.assert(*fact, kind, fields, *change, *by);
            }
            Event::Updated {
                fact,
                fields,
                change,
                ..
            } => self.update(*fact, fields, *change),
            Event::Confirmed { fact, by } => self.ground(*fact, *by),
            Event::Retracted { fact, change, .. } => self.retract(*fact, *change),
            Event::Fired(fired) => self.fire(fired, at_ms),
            Event::Ceased { firing } => self.cease(*firing),
            Event::Halted { error } => {
                self.phase = Phase::Halted;
                self.error = Some(Error::clone(error));
            }
            Event::Paused { reason } => self.paused = Some(reason.clone()),
            Event::Resumed => {
                (self.phase, self.error, self.paused) = (Phase::Running, None, None);
            }
            Event::Moved { version } => self.header.version = *version,
            Event::Canceled { reason } => self.cancel(reason),
            Event::TriedAgain { firing, .. }
            | Event::Retrying { firing, .. }
            | Event::Succeeded { firing, .. }
            | Event::Failed { firing, .. } => self.follow(*firing, event),
        }
    }

    fn assert(&mut self, fact: FactId, kind: &str, fields: &[Value], change: u64, by: By) {
        let kept = KeptFact {
            kind: kind.to_owned(),
            since: change,
            fields: fields.iter().map(|value| (value.clone(), change)).collect(),
            stated: false,
            supports: BTreeSet::new(),
        };
        self.facts.insert(fact, kept);
        self.next_fact = self.next_fact.max(fact.0 + 1);
        self.changes = self.changes.max(change);
        self.ground(fact, by);
    }

    fn ground(&mut self, fact: FactId, by: By) {
        let Some(kept) = self.facts.get_mut(&fact) else {
            return;
        };
        match by {
            By::Outside | By::Firing(_) => kept.stated = true,
            By::Conclusion(firing) => {
                kept.supports.insert(firing);
                if let Some(firing) = self.firings.get_mut(&firing) {
                    firing.supports.insert(fact);
                }
            }
            By::NoSupport => {}
        }
    }

    fn update(&mut self, fact: FactId, fields: &[(usize, Value)], change: u64) {
        self.changes = self.changes.max(change);
        if let Some(kept) = self.facts.get_mut(&fact) {
            for (place, value) in fields {
                if let Some(field) = kept.fields.get_mut(*place) {
                    *field = (value.clone(), change);
                }
            }
        }
    }

    fn retract(&mut self, fact: FactId, change: u64) {
        self.changes = self.changes.max(change);
        let kept = self.facts.remove(&fact);
        for firing in kept.into_iter().flat_map(|kept| kept.supports) {
            if let Some(firing) = self.firings.get_mut(&firing) {
                firing.supports.remove(&fact);
            }
        }
    }

    fn fire(&mut self, fired: &Fired, at_ms: i64) {
        self.next_firing = self.next_firing.max(fired.firing + 1);
        let firing = Firing::new(fired, at_ms);
        if !firing.phase.is_final() {
            self.active.insert(fired.firing);
        }
        self.firings.insert(fired.firing, firing);
    }

    fn cease(&mut self, number: u64) {
        let Some(firing) = self.firings.get_mut(&number) else {
            return;
        };
        firing.holds = false;
        for fact in std::mem::take(&mut firing.supports) {
            if let Some(kept) = self.facts.get_mut(&fact) {
                kept.supports.remove(&number);
            }
        }
        self.forget_if_over(number);
    }

    fn follow(&mut self, number: u64, event: &Event) {
        if let Some(firing) = self.firings.get_mut(&number) {
            firing.follow(event);
            if firing.phase.is_final() {
                self.active.remove(&number);
            }
        }
        self.forget_if_over(number);
    }

    fn forget_if_over(&mut self, number: u64) {
        let over = |firing: &Firing| !firing.holds && firing.phase.is_final();
        if self.firings.get(&number).is_some_and(over) {
            self.firings.remove(&number);
        }
    }

    fn cancel(&mut self, reason: &str) {
        self.phase = Phase::Canceled;
        self.error = Some(Error::canceled(reason));
        self.paused = None;
    }

    /// Whether nothing stands behind a fact any more.
    pub(crate) fn is_groundless(&self, fact: FactId) -> bool {
        let groundless = |kept: &KeptFact| !kept.stated && kept.supports.is_empty();
        self.facts.get(&fact).is_some_and(groundless)
    }

    /// Whether no run is out, and nothing keeps it from going on.
    pub fn is_quiet(&self) -> bool {
        self.may_fire() && self.active.is_empty()
    }

    /// Whether rules fire: they are neither halted, paused nor canceled.
    pub fn may_fire(&self) -> bool {
        self.phase == Phase::Running && self.paused.is_none()
    }

    /// How often rules have fired.
    pub fn fired(&self) -> u64 {
        self.next_firing - 1
    }

    /// The firings whose run is out, or waits to be tried again.
    pub fn active(&self) -> impl Iterator<Item = (u64, &Firing)> {
        let active = self.active.iter();
        active.filter_map(|number| Some((*number, self.firings.get(number)?)))
    }

    /// Facts and firings: what a snapshot of it holds.
    pub fn size(&self) -> usize {
        self.facts.len() + self.firings.len()
    }

    /// The facts, each with its type and its values in the order of the fields' names.
    pub fn list(&self) -> impl Iterator<Item = (FactId, &str, Vec<&Value>)> {
        self.facts.iter().map(|(id, fact)| {
            let values = fact.fields.iter().map(|(value, _)| value);
            (*id, fact.kind.as_str(), values.collect())
        })
    }

    /// How many facts there are.
    pub fn facts(&self) -> usize {
        self.facts.len()
    }

    /// A firing that holds or whose run is out.
    pub fn firing(&self, number: u64) -> Option<&Firing> {
        self.firings.get(&number)
    }

    /// The firings that hold or whose run is out, by number.
    pub fn firings(&self) -> impl Iterator<Item = (u64, &Firing)> {
        self.firings
            .iter()
            .map(|(number, firing)| (*number, firing))
    }

    /// The firings whose run is out, each with the number of its try.
    pub fn out(&self) -> impl Iterator<Item = (u64, &Firing, u32)> {
        self.active()
            .filter_map(|(number, firing)| match firing.phase {
                FiringPhase::Out { generation } => Some((number, firing, generation)),
                _ => None,
            })
    }
}
