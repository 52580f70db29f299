//! The incremental matcher: a discrimination network in the manner of Rete.
//!
//! Facts enter *alpha memories*, one for each set of tests of a single fact, shared
//! between rules. Each rule is a chain of *levels*, one for each pattern: a level
//! joins the partial matches (*tokens*) of the level before it with the facts of its
//! alpha memory. Both sides are indexed by the hash of what must be equal, so a fact
//! meets only what it joins with: the cost of a change is that of the matches that
//! it makes and breaks, however many other facts there are. A `not` or `exists`
//! level counts the facts that each token meets, and lets it pass by the count.

mod alpha;
mod blocked;
mod level;

use std::sync::Arc;

use crate::expr::Env;
use crate::fact::{FactId, SharedFact};
use crate::index::{Index, Numbers, Slab, mix};
use crate::limits::MAX_PARTIAL_MATCHES;
use crate::rules::{Mode, Rules};
use crate::value::Value;
pub(crate) use alpha::Alone;
use alpha::Alpha;
pub(crate) use blocked::{Blocked, Obstacle};
use level::{Counted, Level};

/// In place of a fact where a pattern is `not` or `exists`.
const NO_FACT: u32 = u32::MAX;

/// A whole match: the rule, and for each `fact` pattern the fact and the newest
/// version of those of its fields that the rule reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MatchKey {
    pub(crate) rule: usize,
    pub(crate) facts: Vec<(FactId, u64)>,
}

/// What a change did to whole matches, in order.
#[derive(Debug)]
pub(crate) enum Change {
    Appeared(Arc<MatchKey>),
    Vanished(Arc<MatchKey>),
}

/// A partial match.
#[derive(Debug)]
struct Token {
    level: usize,
    parent: u32,
    /// The place of the fact of each pattern so far.
    facts: Box<[u32]>,
    /// Under which it is known to the next level.
    hash: u64,
}

#[derive(Debug)]
struct Entry {
    fact: SharedFact,
    /// Alpha memories it is in.
    alphas: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Network {
    rules: Arc<Rules>,
    alphas: Vec<Alpha>,
    by_kind: Vec<Vec<usize>>,
    levels: Vec<Level>,
    facts: Slab<Entry>,
    places: Numbers<u64, u32>,
    tokens: Slab<Token>,
    children: Index,
    /// Tokens by the place of their last fact and their level.
    by_fact: Index,
    whole: Numbers<u32, Arc<MatchKey>>,
    changes: Vec<Change>,
    undecided: u64,
    is_full: bool,
}

impl Network {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        let mut network = Self {
            alphas: Vec::new(),
            by_kind: vec![Vec::new(); rules.kinds.len()],
            levels: Vec::new(),
            facts: Slab::default(),
            places: Numbers::default(),
            tokens: Slab::default(),
            children: Index::default(),
            by_fact: Index::default(),
            whole: Numbers::default(),
            changes: Vec::new(),
            undecided: 0,
            is_full: false,
            rules: Arc::clone(&rules),
        };
        for rule in 0..rules.rules.len() {
            network.add_rule(rule);
        }
        network
    }

    fn add_rule(&mut self, rule: usize) {
        let rules = Arc::clone(&self.rules);
        let patterns = &rules.rules[rule].patterns;
        let first = self.levels.len();
        for (index, pattern) in patterns.iter().enumerate() {
            let alpha = self.alpha(pattern);
            let fields: Vec<usize> = pattern.joins.iter().map(|join| join.field).collect();
            let by = self.alphas[alpha].index_by(fields);
            self.alphas[alpha].successors.push(self.levels.len());
            let is_last = index + 1 == patterns.len();
            self.levels
                .push(Level::new(rule, index, pattern, alpha, by, is_last));
        }
        let root = self.tokens.insert(Token {
            level: usize::MAX,
            parent: u32::MAX,
            facts: Box::default(),
            hash: 0,
        });
        self.enter(first, root);
    }

    fn alpha(&mut self, pattern: &crate::rules::Pattern) -> usize {
        let found = self.alphas.iter().position(|alpha| alpha.is_for(pattern));
        let alpha = found.unwrap_or_else(|| {
            self.alphas.push(Alpha::new(pattern));
            self.by_kind[pattern.kind].push(self.alphas.len() - 1);
            self.alphas.len() - 1
        });
        self.alphas[alpha].reads |= pattern.reads;
        alpha
    }

    /// The fact of this id.
    pub(crate) fn fact(&self, id: FactId) -> Option<&SharedFact> {
        let place = self.places.get(&id.0)?;
        self.facts.get(*place).map(|entry| &entry.fact)
    }

    pub(crate) fn facts(&self) -> usize {
        self.facts.len()
    }

    /// What happened to whole matches since the last call.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether there were too many partial matches: what it says is not to be trusted.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// How often a condition had no value, and so did not hold.
    pub(crate) fn undecided(&self) -> u64 {
        self.undecided
    }

    pub(crate) fn insert(&mut self, fact: SharedFact) {
        let (id, kind) = (fact.id, fact.kind);
        let place = self.facts.insert(Entry {
            fact,
            alphas: Vec::new(),
        });
        self.places.insert(id.0, place);
        for position in 0..self.by_kind[kind].len() {
            let alpha = self.by_kind[kind][position];
            if self.passes(alpha, place) {
                self.join_alpha(alpha, place);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: FactId) {
        let Some(place) = self.places.remove(&id.0) else {
            return;
        };
        let alphas = self
            .facts
            .get_mut(place)
            .map(|entry| std::mem::take(&mut entry.alphas));
        for alpha in alphas.unwrap_or_default() {
            self.leave_alpha(alpha, place);
        }
        self.facts.remove(place);
    }

    /// Puts a fact in place of its former self, of which the fields in `changed` differ.
    pub(crate) fn update(&mut self, fact: SharedFact, changed: u32) {
        let Some(place) = self.places.get(&fact.id.0).copied() else {
            return;
        };
        let kind = fact.kind;
        let touched = |network: &Self, alpha: usize| network.alphas[alpha].reads & changed != 0;
        let Some(entry) = self.facts.get_mut(place) else {
            return;
        };
        let alphas = std::mem::take(&mut entry.alphas);
        let (leaving, staying): (Vec<usize>, Vec<usize>) =
            alphas.into_iter().partition(|alpha| touched(self, *alpha));
        leaving
            .into_iter()
            .for_each(|alpha| self.leave_alpha(alpha, place));
        if let Some(entry) = self.facts.get_mut(place) {
            entry.fact = fact;
            entry.alphas = staying;
        }
        for position in 0..self.by_kind[kind].len() {
            let alpha = self.by_kind[kind][position];
            if touched(self, alpha) && self.passes(alpha, place) {
                self.join_alpha(alpha, place);
            }
        }
    }

    fn passes(&mut self, alpha: usize, place: u32) -> bool {
        let Some(entry) = self.facts.get(place) else {
            return false;
        };
        self.alphas[alpha].passes(&entry.fact).unwrap_or_else(|_| {
            self.undecided += 1;
            false
        })
    }

    fn join_alpha(&mut self, alpha: usize, place: u32) {
        let Some(entry) = self.facts.get_mut(place) else {
            return;
        };
        entry.alphas.push(alpha);
        self.alphas[alpha].insert(&entry.fact, place);
        // Later levels first: a token that an earlier one makes finds the fact itself.
        for position in (0..self.alphas[alpha].successors.len()).rev() {
            let level = self.alphas[alpha].successors[position];
            self.meet(level, place);
        }
    }

    fn leave_alpha(&mut self, alpha: usize, place: u32) {
        let Some(entry) = self.facts.get(place) else {
            return;
        };
        self.alphas[alpha].remove(&entry.fact, place);
        for position in 0..self.alphas[alpha].successors.len() {
            let level = self.alphas[alpha].successors[position];
            self.part(level, place);
        }
    }

    /// A fact has come to a level.
    fn meet(&mut self, level: usize, place: u32) {
        for token in self.tokens_for(level, place) {
            match self.levels[level].mode {
                Mode::Fact => self.make(level, token, place),
                Mode::Not | Mode::Exists => self.count(level, token, true),
            }
        }
    }

    /// A fact has left a level.
    fn part(&mut self, level: usize, place: u32) {
        match self.levels[level].mode {
            Mode::Fact => {
                for token in self.by_fact.take(at(level, place)) {
                    self.unmake(token);
                }
            }
            Mode::Not | Mode::Exists => {
                for token in self.tokens_for(level, place) {
                    self.count(level, token, false);
                }
            }
        }
    }

    /// The tokens before `level` that a fact joins with.
    fn tokens_for(&mut self, level: usize, place: u32) -> Vec<u32> {
        let Some(entry) = self.facts.get(place) else {
            return Vec::new();
        };
        let hash = self.levels[level].hash_of_fact(&entry.fact);
        let (mut joined, mut undecided) = (Vec::new(), 0);
        for token in self.levels[level].left.get(hash) {
            match self.joins(level, token, place) {
                Some(true) => joined.push(token),
                Some(false) => {}
                None => undecided += 1,
            }
        }
        self.undecided += undecided;
        joined
    }

    /// The facts of `level`'s alpha memory that a token joins with.
    fn facts_for(&mut self, level: usize, token: u32, hash: u64) -> Vec<u32> {
        let (alpha, by) = (self.levels[level].alpha, self.levels[level].by);
        let (mut joined, mut undecided) = (Vec::new(), 0);
        for place in self.alphas[alpha].indexes[by].places.get(hash) {
            match self.joins(level, token, place) {
                Some(true) => joined.push(place),
                Some(false) => {}
                None => undecided += 1,
            }
        }
        self.undecided += undecided;
        joined
    }

    /// Whether a token and a fact belong together; `None` when a condition has no value.
    fn joins(&self, level: usize, token: u32, place: u32) -> Option<bool> {
        let (token, fact) = (self.tokens.get(token)?, &self.facts.get(place)?.fact);
        let level = &self.levels[level];
        let equal = level.joins.iter().all(|join| {
            let other = token
                .facts
                .get(join.pattern)
                .and_then(|place| self.facts.get(*place));
            other.is_some_and(|other| {
                let (a, b) = (&fact.fields[join.field], &other.fact.fields[join.other]);
                a.hash == b.hash && a.value == b.value
            })
        });
        if !equal {
            return Some(false);
        }
        let Some(guard) = &level.guard else {
            return Some(true);
        };
        let candidate = Candidate {
            network: self,
            token,
            pattern: level.pattern,
            place,
        };
        guard.expr.holds(&candidate).ok()
    }

    /// A token has come to a level.
    fn enter(&mut self, level: usize, token: u32) {
        let hash = self.hash_of_token(level, token);
        if let Some(token) = self.tokens.get_mut(token) {
            token.hash = hash;
        }
        self.levels[level].left.insert(hash, token);
        let facts = self.facts_for(level, token, hash);
        match self.levels[level].mode {
            Mode::Fact => facts
                .into_iter()
                .for_each(|place| self.make(level, token, place)),
            Mode::Not | Mode::Exists => {
                let counted = Counted {
                    facts: facts.len(),
                    child: None,
                };
                self.levels[level].counts.insert(token, counted);
                self.pass_or_stop(level, token);
            }
        }
    }

    fn hash_of_token(&self, level: usize, token: u32) -> u64 {
        let facts = self.tokens.get(token).map(|token| &token.facts);
        let joins = self.levels[level].joins.iter();
        joins.fold(0, |hash, join| {
            let place = facts.and_then(|facts| facts.get(join.pattern));
            let entry = place.and_then(|place| self.facts.get(*place));
            mix(
                hash,
                entry.map_or(0, |entry| entry.fact.fields[join.other].hash),
            )
        })
    }

    fn count(&mut self, level: usize, token: u32, more: bool) {
        if let Some(counted) = self.levels[level].counts.get_mut(&token) {
            counted.facts = match more {
                true => counted.facts + 1,
                false => counted.facts.saturating_sub(1),
            };
            self.pass_or_stop(level, token);
        }
    }

    /// Lets a counted token go on, or stops it, as its count demands.
    fn pass_or_stop(&mut self, level: usize, token: u32) {
        let mode = self.levels[level].mode;
        let Some(counted) = self.levels[level].counts.get_mut(&token) else {
            return;
        };
        let passes = (counted.facts > 0) == (mode == Mode::Exists);
        match (passes, counted.child) {
            (true, None) => self.make(level, token, NO_FACT),
            (false, Some(child)) => {
                counted.child = None;
                self.unmake(child);
            }
            _ => {}
        }
    }

    /// Makes a token of `parent` and a fact.
    fn make(&mut self, level: usize, parent: u32, place: u32) {
        if self.is_full || self.tokens.len() >= MAX_PARTIAL_MATCHES {
            self.is_full = true;
            return;
        }
        let Some(before) = self.tokens.get(parent) else {
            return;
        };
        let facts = before.facts.iter().copied().chain([place]).collect();
        let token = self.tokens.insert(Token {
            level,
            parent,
            facts,
            hash: 0,
        });
        self.children.insert(u64::from(parent), token);
        match place {
            NO_FACT => {
                if let Some(counted) = self.levels[level].counts.get_mut(&parent) {
                    counted.child = Some(token);
                }
            }
            place => self.by_fact.insert(at(level, place), token),
        }
        match self.levels[level].is_last {
            true => self.appear(level, token),
            false => self.enter(level + 1, token),
        }
    }

    fn appear(&mut self, level: usize, token: u32) {
        let key = Arc::new(self.key(level, token));
        self.whole.insert(token, Arc::clone(&key));
        self.changes.push(Change::Appeared(key));
    }

    fn key(&self, level: usize, token: u32) -> MatchKey {
        let rule = self.levels[level].rule;
        let patterns = &self.rules.rules[rule].patterns;
        let facts = self.tokens.get(token).map(|token| &token.facts);
        let facts = facts
            .into_iter()
            .flatten()
            .zip(patterns)
            .filter_map(|(place, pattern)| {
                let fact = &self.facts.get(*place)?.fact;
                Some((fact.id, fact.version(pattern.reads)))
            });
        MatchKey {
            rule,
            facts: facts.collect(),
        }
    }

    /// Takes a token away, and all that was made of it.
    fn unmake(&mut self, token: u32) {
        let Some(gone) = self.tokens.remove(token) else {
            return;
        };
        for child in self.children.take(u64::from(token)) {
            self.unmake(child);
        }
        self.children.remove(u64::from(gone.parent), token);
        if let Some(place) = gone.facts.last().filter(|place| **place != NO_FACT) {
            self.by_fact.remove(at(gone.level, *place), token);
        }
        if let Some(key) = self.whole.remove(&token) {
            self.changes.push(Change::Vanished(key));
        } else if let Some(next) = self.levels.get_mut(gone.level + 1) {
            next.left.remove(gone.hash, token);
            next.counts.remove(&token);
        }
    }
}

fn at(level: usize, place: u32) -> u64 {
    ((level as u64) << 32) | u64::from(place)
}

/// A token and a fact that may join it.
struct Candidate<'a> {
    network: &'a Network,
    token: &'a Token,
    pattern: usize,
    place: u32,
}

impl Env for Candidate<'_> {
    fn field(&self, pattern: usize, field: usize) -> Option<&Value> {
        let place = match pattern == self.pattern {
            true => self.place,
            false => *self.token.facts.get(pattern)?,
        };
        let fact = &self.network.facts.get(place)?.fact;
        fact.fields.get(field).map(|field| &field.value)
    }
}
