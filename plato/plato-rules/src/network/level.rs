use crate::expr::Compiled;
use crate::fact::Fact;
use crate::index::{Index, Numbers, mix};
use crate::rules::{Join, Mode, Pattern};

/// One pattern of one rule: where its tokens meet the facts.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) rule: usize,
    pub(crate) pattern: usize,
    pub(crate) mode: Mode,
    pub(crate) joins: Vec<Join>,
    pub(crate) guard: Option<Compiled>,
    pub(crate) alpha: usize,
    /// Which index of the alpha memory.
    pub(crate) by: usize,
    pub(crate) is_last: bool,
    /// The tokens of the level before, by the hash of what must be equal.
    pub(crate) left: Index,
    /// Of `not` and `exists`: what each of them meets.
    pub(crate) counts: Numbers<u32, Counted>,
}

/// How many facts a token meets, and the token that goes on for it.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) facts: usize,
    pub(crate) child: Option<u32>,
}

impl Level {
    pub(crate) fn new(
        rule: usize,
        index: usize,
        pattern: &Pattern,
        alpha: usize,
        by: usize,
        is_last: bool,
    ) -> Self {
        Self {
            rule,
            pattern: index,
            mode: pattern.mode,
            joins: pattern.joins.clone(),
            guard: pattern.guard.clone(),
            alpha,
            by,
            is_last,
            left: Index::default(),
            counts: Numbers::default(),
        }
    }

    pub(crate) fn hash_of_fact(&self, fact: &Fact) -> u64 {
        let hashes = self.joins.iter().map(|join| fact.fields[join.field].hash);
        hashes.fold(0, mix)
    }
}
