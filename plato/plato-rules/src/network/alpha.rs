use crate::expr::{Compiled, Env, EvalError};
use crate::fact::Fact;
use crate::index::{Index, mix};
use crate::rules::Pattern;
use crate::value::Value;

/// The facts that pass the tests of a single fact.
#[derive(Debug)]
pub(crate) struct Alpha {
    kind: usize,
    constants: Vec<(usize, Value)>,
    same: Vec<(usize, usize)>,
    guard: Option<Compiled>,
    /// The fields that rules read of its facts, one bit each.
    pub(crate) reads: u32,
    pub(crate) indexes: Vec<ByFields>,
    /// Levels that join with it, in order.
    pub(crate) successors: Vec<usize>,
}

/// The places of facts by the hash of some of their fields.
#[derive(Debug)]
pub(crate) struct ByFields {
    fields: Vec<usize>,
    pub(crate) places: Index,
}

impl ByFields {
    fn hash(&self, fact: &Fact) -> u64 {
        let hashes = self.fields.iter().map(|field| fact.fields[*field].hash);
        hashes.fold(0, mix)
    }
}

impl Alpha {
    pub(crate) fn new(pattern: &Pattern) -> Self {
        Self {
            kind: pattern.kind,
            constants: pattern.constants.clone(),
            same: pattern.same.clone(),
            guard: pattern.own_guard.clone(),
            reads: 0,
            indexes: Vec::new(),
            successors: Vec::new(),
        }
    }

    /// Whether it is what `pattern` joins with.
    pub(crate) fn is_for(&self, pattern: &Pattern) -> bool {
        let guards = (self.guard.as_ref(), pattern.own_guard.as_ref());
        let same_guard = match guards {
            (None, None) => true,
            (Some(a), Some(b)) => a.expr == b.expr,
            _ => false,
        };
        self.kind == pattern.kind
            && self.constants == pattern.constants
            && self.same == pattern.same
            && same_guard
    }

    /// The place of the index by these fields.
    pub(crate) fn index_by(&mut self, fields: Vec<usize>) -> usize {
        if let Some(found) = self.indexes.iter().position(|index| index.fields == fields) {
            return found;
        }
        self.indexes.push(ByFields {
            fields,
            places: Index::default(),
        });
        self.indexes.len() - 1
    }

    pub(crate) fn passes(&self, fact: &Fact) -> Result<bool, EvalError> {
        let constants = self
            .constants
            .iter()
            .all(|(field, value)| fact.fields[*field].value == *value);
        let same = || {
            self.same
                .iter()
                .all(|(a, b)| fact.fields[*a].value == fact.fields[*b].value)
        };
        match &self.guard {
            Some(guard) if constants && same() => guard.expr.holds(&Alone(fact)),
            _ => Ok(constants && same()),
        }
    }

    pub(crate) fn insert(&mut self, fact: &Fact, place: u32) {
        for index in &mut self.indexes {
            index.places.insert(index.hash(fact), place);
        }
    }

    pub(crate) fn remove(&mut self, fact: &Fact, place: u32) {
        for index in &mut self.indexes {
            index.places.remove(index.hash(fact), place);
        }
    }
}

/// A condition that reads one fact only, whatever its pattern.
pub(crate) struct Alone<'a>(pub(crate) &'a Fact);

impl Env for Alone<'_> {
    fn field(&self, _pattern: usize, field: usize) -> Option<&Value> {
        self.0.fields.get(field).map(|field| &field.value)
    }
}
