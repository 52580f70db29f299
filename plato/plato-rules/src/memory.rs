//! Working memory: facts, and the matches over them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::agenda::{Agenda, Why};
use crate::event::{Cause, Match};
use crate::explain::label;
use crate::fact::{Fact, FactId, Field, SharedFact};
use crate::index::Numbers;
use crate::limits::MAX_FACTS;
use crate::network::{MatchKey, Network};
use crate::rules::Rules;
use crate::value::Value;

/// Facts and the matches over them, kept current change by change.
///
/// A fact is asserted, updated and retracted; [`Memory::fire`] takes the match that
/// is first in turn. A match fires once, until it ceases to hold. Everything is a
/// function of the changes and their order.
#[derive(Debug)]
pub struct Memory {
    rules: Arc<Rules>,
    network: Network,
    agenda: Agenda,
    /// Facts by their type and the hash of their key.
    keys: Numbers<u64, Vec<FactId>>,
    hasher: RandomState,
    changes: u64,
    next_fact: u64,
    /// How many firings led to the change that comes next, each from the one before.
    chain: u32,
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no fact type `{0}`")]
    UnknownType(String),
    #[error("{0}")]
    Malformed(String),
    #[error("there are {MAX_FACTS} facts, and may be no more")]
    TooManyFacts,
    #[error(
        "there are too many partial matches; put patterns that match few facts first, \
         and join patterns by fields"
    )]
    TooManyMatches,
}

/// What became of a fact that was asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserted {
    New(FactId),
    /// A fact of its key was there, and some field had another value.
    Updated(FactId),
    /// The very fact was there.
    Known(FactId),
}

impl Asserted {
    /// The fact.
    pub fn id(self) -> FactId {
        match self {
            Self::New(id) | Self::Updated(id) | Self::Known(id) => id,
        }
    }
}

impl Memory {
    /// No facts yet.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            network: Network::new(Arc::clone(&rules)),
            agenda: Agenda::default(),
            keys: Numbers::default(),
            hasher: RandomState::new(),
            changes: 0,
            next_fact: 1,
            chain: 0,
            rules,
        }
    }

    /// The rules it matches.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Asserts a fact: every field of its type by name. A fact of the same key is
    /// updated instead. Also says which firings' matches have ceased by it.
    ///
    /// # Errors
    /// When the type or a field is unknown, a value has another type, or there are
    /// too many facts or partial matches.
    pub fn assert(
        &mut self,
        kind: &str,
        fields: &BTreeMap<String, Value>,
    ) -> Result<(Asserted, Vec<u64>), Refused> {
        let (kind, values) = self.checked(kind, fields)?;
        self.assert_values(kind, values)
    }

    /// Whether a fact could be asserted.
    ///
    /// # Errors
    /// When the type or a field is unknown, or a value has another type.
    pub fn check(&self, kind: &str, fields: &BTreeMap<String, Value>) -> Result<(), Refused> {
        self.checked(kind, fields).map(drop)
    }

    /// The type of this name, and the values of its fields in order.
    pub(crate) fn checked(
        &self,
        kind: &str,
        fields: &BTreeMap<String, Value>,
    ) -> Result<(usize, Vec<Value>), Refused> {
        let kind = self.kind(kind)?;
        Ok((kind, self.values(kind, fields)?))
    }

    fn kind(&self, name: &str) -> Result<usize, Refused> {
        let found = self.rules.find_kind(name);
        found.ok_or_else(|| Refused::UnknownType(name.to_owned()))
    }

    /// The fact of this type whose key is among `fields`.
    ///
    /// # Errors
    /// When the type is unknown, or a field of its key is missing.
    pub fn by_key(
        &self,
        kind: &str,
        fields: &BTreeMap<String, Value>,
    ) -> Result<Option<FactId>, Refused> {
        let kind = self.kind(kind)?;
        let def = &self.rules.kinds[kind];
        let mut values = Vec::new();
        for (place, (name, _)) in def.fields.iter().enumerate() {
            match fields.get(name) {
                Some(value) => values.push(value.clone()),
                // Only the key is looked at.
                None if !def.key.contains(&place) => values.push(Value::Bool(false)),
                None => {
                    return Err(Refused::Malformed(format!(
                        "{}.{name} is part of the key",
                        def.name
                    )));
                }
            }
        }
        Ok(self.find(kind, &values))
    }

    fn values(&self, kind: usize, fields: &BTreeMap<String, Value>) -> Result<Vec<Value>, Refused> {
        let kind = &self.rules.kinds[kind];
        if let Some(name) = fields.keys().find(|name| !kind.places.contains_key(*name)) {
            return Err(Refused::Malformed(format!(
                "{} has no field `{name}`",
                kind.name
            )));
        }
        let values = kind
            .fields
            .iter()
            .map(|(name, wanted)| match fields.get(name) {
                Some(value) if value.kind() == *wanted && value.fits() => Ok(value.clone()),
                Some(value) => {
                    let problem = format!("{}.{name} is {wanted}, not {}", kind.name, value.kind());
                    Err(Refused::Malformed(problem))
                }
                None => Err(Refused::Malformed(format!(
                    "{}.{name} has no value",
                    kind.name
                ))),
            });
        values.collect()
    }

    pub(crate) fn assert_values(
        &mut self,
        kind: usize,
        values: Vec<Value>,
    ) -> Result<(Asserted, Vec<u64>), Refused> {
        if let Some(known) = self.find(kind, &values) {
            let changes = (0..).zip(values).collect();
            let (changed, ceased) = self.update_values(known, changes)?;
            return match changed {
                0 => Ok((Asserted::Known(known), ceased)),
                _ => Ok((Asserted::Updated(known), ceased)),
            };
        }
        if self.network.facts() >= MAX_FACTS {
            return Err(Refused::TooManyFacts);
        }
        let id = FactId(self.next_fact);
        self.changes += 1;
        let version = self.changes;
        let fields = values.into_iter().map(|value| (value, version)).collect();
        self.insert(id, kind, version, fields);
        Ok((Asserted::New(id), self.settle(Cause::Asserted(id))?))
    }

    /// Puts a fact in, as it is known from before.
    pub(crate) fn insert(
        &mut self,
        id: FactId,
        kind: usize,
        since: u64,
        fields: Vec<(Value, u64)>,
    ) {
        self.next_fact = self.next_fact.max(id.0 + 1);
        let fields = fields.into_iter().map(|(value, version)| {
            self.changes = self.changes.max(version);
            let hash = self.hasher.hash_one(&value);
            Field {
                value,
                hash,
                version,
            }
        });
        let fact = Fact {
            id,
            kind,
            since,
            fields: fields.collect(),
        };
        let key = self.key(kind, fact.fields.iter().map(|field| &field.value));
        self.keys.entry(key).or_default().push(id);
        self.network.insert(Arc::new(fact));
    }

    /// Goes on counting from here.
    pub(crate) fn go_on(&mut self, next_fact: u64, changes: u64) {
        self.next_fact = self.next_fact.max(next_fact);
        self.changes = self.changes.max(changes);
    }

    /// What the next fact and the last change are numbered.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        (self.next_fact, self.changes)
    }

    fn key<'a>(&self, kind: usize, values: impl Iterator<Item = &'a Value>) -> u64 {
        let values: Vec<&Value> = values.collect();
        let key: Vec<&Value> = self.rules.kinds[kind]
            .key
            .iter()
            .map(|field| values[*field])
            .collect();
        self.hasher.hash_one((kind, key))
    }

    /// The fact of this type with the key that is among `values`.
    pub(crate) fn find(&self, kind: usize, values: &[Value]) -> Option<FactId> {
        let candidates = self.keys.get(&self.key(kind, values.iter()))?;
        let same_key = |fact: &SharedFact| {
            let mut key = self.rules.kinds[kind].key.iter();
            fact.kind == kind && key.all(|field| fact.fields[*field].value == values[*field])
        };
        let mut candidates = candidates.iter();
        candidates
            .find(|id| self.network.fact(**id).is_some_and(same_key))
            .copied()
    }

    /// Updates fields of a fact, by name; `false` when there is no such fact, or
    /// nothing differs.
    ///
    /// # Errors
    /// When a field is unknown, part of the key, or of another type.
    pub fn update(
        &mut self,
        id: FactId,
        fields: &BTreeMap<String, Value>,
    ) -> Result<(bool, Vec<u64>), Refused> {
        let Some(fact) = self.network.fact(id) else {
            return Ok((false, Vec::new()));
        };
        let kind = &self.rules.kinds[fact.kind];
        let mut changes = Vec::new();
        for (name, value) in fields {
            match kind.places.get(name) {
                Some((place, _)) if kind.key.contains(place) => {
                    let problem = format!("{}.{name} is part of the key", kind.name);
                    return Err(Refused::Malformed(problem));
                }
                Some((place, wanted)) if value.kind() == *wanted && value.fits() => {
                    changes.push((*place, value.clone()));
                }
                _ => {
                    let problem = format!("{} has no field `{name}` of that type", kind.name);
                    return Err(Refused::Malformed(problem));
                }
            }
        }
        let (changed, ceased) = self.update_values(id, changes)?;
        Ok((changed != 0, ceased))
    }

    /// Updates fields by their places; also says which differed, one bit each.
    pub(crate) fn update_values(
        &mut self,
        id: FactId,
        changes: Vec<(usize, Value)>,
    ) -> Result<(u32, Vec<u64>), Refused> {
        let Some(old) = self.network.fact(id) else {
            return Ok((0, Vec::new()));
        };
        let (mut fact, mut changed) = (Fact::clone(old), 0_u32);
        let version = self.changes + 1;
        for (place, value) in changes {
            let field = &mut fact.fields[place];
            if field.value != value {
                let hash = self.hasher.hash_one(&value);
                *field = Field {
                    value,
                    hash,
                    version,
                };
                changed |= 1 << place;
            }
        }
        if changed == 0 {
            return Ok((0, Vec::new()));
        }
        self.changes = version;
        self.network.update(Arc::new(fact), changed);
        Ok((changed, self.settle(Cause::Updated(id))?))
    }

    /// Retracts a fact; `false` when there is none.
    ///
    /// # Errors
    /// When there are too many partial matches.
    pub fn retract(&mut self, id: FactId) -> Result<(bool, Vec<u64>), Refused> {
        let Some(fact) = self.network.fact(id).map(Arc::clone) else {
            return Ok((false, Vec::new()));
        };
        self.changes += 1;
        let key = self.key(fact.kind, fact.fields.iter().map(|field| &field.value));
        if let Some(facts) = self.keys.get_mut(&key) {
            facts.retain(|fact| *fact != id);
            if facts.is_empty() {
                self.keys.remove(&key);
            }
        }
        self.network.remove(id);
        Ok((true, self.settle(Cause::Retracted(id))?))
    }

    /// Has the agenda follow the network.
    pub(crate) fn settle(&mut self, cause: Cause) -> Result<Vec<u64>, Refused> {
        let changes = self.network.changes();
        let why = Why {
            cause,
            chain: self.chain,
        };
        let ceased = self.agenda.take(&self.rules, changes, why);
        match self.network.is_full() {
            true => Err(Refused::TooManyMatches),
            false => Ok(ceased),
        }
    }

    /// Takes the match that fires next, under this number of the firing.
    pub fn fire(&mut self, firing: u64) -> Option<Match> {
        let (key, why) = self.agenda.next()?;
        let key = Arc::clone(key);
        self.agenda.fired(&self.rules, &key, firing);
        Some(self.matched(&key, why))
    }

    /// Notes of a match that it has fired before; whether it holds.
    pub(crate) fn mark(&mut self, key: MatchKey, firing: u64) -> bool {
        self.agenda.fired(&self.rules, &Arc::new(key), firing)
    }

    fn matched(&self, key: &MatchKey, why: Why) -> Match {
        let facts = key.facts.iter();
        let facts = facts.filter_map(|(id, _)| self.network.fact(*id).map(Arc::clone));
        Match {
            rule: key.rule,
            versions: key.facts.clone(),
            facts: facts.collect(),
            cause: why.cause,
            chain: why.chain,
        }
    }

    /// The chain of firings that the changes from now on follow from.
    pub(crate) fn chain(&mut self, chain: u32) {
        self.chain = chain;
    }

    /// The names of the rules that wait to fire, each with its facts, by the patterns that
    /// they match, in order.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, Vec<(String, FactId)>)> {
        self.agenda.waiting().map(|key| {
            let rule = &self.rules.rules[key.rule];
            let patterns = rule.patterns.iter().enumerate();
            let patterns = patterns.filter(|(_, pattern)| pattern.is_positive());
            let labels = patterns.map(|(place, pattern)| label(pattern, place));
            let facts = key.facts.iter().map(|(fact, _)| *fact);
            (rule.name.as_ref(), labels.zip(facts).collect())
        })
    }

    pub(crate) fn waiting_keys(&self) -> impl Iterator<Item = &Arc<MatchKey>> {
        self.agenda.waiting()
    }

    /// How many facts there are.
    pub fn facts(&self) -> usize {
        self.network.facts()
    }

    /// How often a condition had no value, and so did not hold: a number overflowed,
    /// or was divided by zero.
    pub fn undecided(&self) -> u64 {
        self.network.undecided()
    }

    /// The value of a field of a fact.
    pub fn value(&self, id: FactId, field: &str) -> Option<&Value> {
        let fact = self.network.fact(id)?;
        let (place, _) = self.rules.kinds[fact.kind].places.get(field)?;
        Some(&fact.fields[*place].value)
    }

    /// Whether a match holds that fired under this number.
    pub(crate) fn has_fired(&self, firing: u64) -> bool {
        self.agenda.has_fired(firing)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn fact(&self, id: FactId) -> Option<&SharedFact> {
        self.network.fact(id)
    }
}
