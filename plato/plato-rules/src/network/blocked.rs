//! Why a rule has no match: how far its nearest partial match comes, and what it meets there.

use super::Network;
use super::level::Level;
use crate::fact::SharedFact;
use crate::limits::MAX_LOOKS;
use crate::rules::Mode;

/// The nearest partial match of a rule, and the pattern that stops it.
#[derive(Debug)]
pub(crate) struct Blocked {
    /// The place of the pattern in its rule.
    pub(crate) pattern: usize,
    /// The facts of the patterns before it; none where they are `not` or `exists`.
    pub(crate) facts: Vec<Option<SharedFact>>,
    pub(crate) obstacle: Obstacle,
}

/// What stands against a match.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// There is no fact of the type.
    NoFact,
    /// There are so many, none of which passes the tests of a single fact: not this one either.
    Tests(usize, SharedFact),
    /// None has fields that are equal to those of the facts before.
    Joins,
    /// The fields of this one are equal, but the condition does not hold.
    Guard(SharedFact),
    /// This one is there, and there may be none.
    Present(SharedFact),
}

impl Network {
    /// How many matches of the rule hold.
    pub(crate) fn matches(&self, rule: usize) -> usize {
        self.whole.values().filter(|key| key.rule == rule).count()
    }

    /// What stands against the rule; `None` where a match of it holds.
    pub(crate) fn blocked(&self, rule: usize) -> Option<Blocked> {
        if self.matches(rule) > 0 {
            return None;
        }
        let levels = (0..self.levels.len()).filter(|level| self.levels[*level].rule == rule);
        let number = levels
            .rev()
            .find(|level| !self.levels[*level].left.is_empty())?;
        let level = &self.levels[number];
        let tokens = self.nearest(level);
        let met = tokens
            .iter()
            .find_map(|token| Some((*token, self.met(number, *token)?)));
        let (token, obstacle) = met.or_else(|| Some((*tokens.first()?, self.missing(level))))?;
        let facts = self.tokens.get(token)?.facts.iter();
        Some(Blocked {
            pattern: level.pattern,
            facts: facts.map(|place| self.fact_at(*place)).collect(),
            obstacle,
        })
    }

    /// The partial matches that wait at the level, those of the oldest facts first.
    fn nearest(&self, level: &Level) -> Vec<u32> {
        let age = |token: &u32| {
            let facts = self.tokens.get(*token).map(|token| token.facts.iter());
            let facts = facts.into_iter().flatten();
            let ids = facts.map(|place| self.fact_at(*place).map(|fact| fact.id));
            ids.collect::<Vec<_>>()
        };
        let mut tokens: Vec<u32> = level.left.items().take(MAX_LOOKS).collect();
        tokens.sort_by_cached_key(age);
        tokens
    }

    /// The oldest fact that the partial match meets, and that stops it.
    fn met(&self, number: usize, token: u32) -> Option<Obstacle> {
        let (level, hash) = (&self.levels[number], self.tokens.get(token)?.hash);
        let places = self.alphas[level.alpha].indexes[level.by].places.get(hash);
        let met = places.filter(|place| match level.mode {
            Mode::Not => self.joins(number, token, *place) == Some(true),
            Mode::Fact | Mode::Exists => level.guard.is_some(),
        });
        let fact = met
            .filter_map(|place| self.fact_at(place))
            .min_by_key(|fact| fact.id)?;
        Some(match level.mode {
            Mode::Not => Obstacle::Present(fact),
            Mode::Fact | Mode::Exists => Obstacle::Guard(fact),
        })
    }

    /// What is missing where nothing is met.
    fn missing(&self, level: &Level) -> Obstacle {
        let alpha = &self.alphas[level.alpha];
        if !alpha.indexes[level.by].places.is_empty() {
            return Obstacle::Joins;
        }
        let kind = self.rules.rules[level.rule].patterns[level.pattern].kind;
        let facts = self
            .places
            .values()
            .filter_map(|place| self.fact_at(*place));
        let mut count = 0;
        let facts = facts
            .filter(|fact| fact.kind == kind)
            .inspect(|_| count += 1);
        match facts.min_by_key(|fact| fact.id) {
            None => Obstacle::NoFact,
            Some(fact) => Obstacle::Tests(count, fact),
        }
    }

    fn fact_at(&self, place: u32) -> Option<SharedFact> {
        Some(SharedFact::clone(&self.facts.get(place)?.fact))
    }
}
