//! A history, and what is to be said of it.

use crate::call::Call;
use crate::evidence::{Breaches, breaches};
use crate::notes::Sight;
use crate::search::{Verdict, judge};
use crate::spec::Spec;

/// Everything that was asked, told and seen of one queue.
#[derive(Clone, Debug)]
pub struct History {
    pub spec: Spec,
    pub calls: Vec<Call>,
    pub sights: Vec<Sight>,
}

impl History {
    pub fn new(spec: Spec, calls: Vec<Call>, sights: Vec<Sight>) -> Self {
        Self {
            spec,
            calls,
            sights,
        }
    }

    /// What was asked, told and seen of each of its parts, where the queue is one for each: the
    /// part of a message is told by `part_of`. Who found nothing found nothing in each, and who
    /// was never told may have been given something of any.
    pub fn parts(&self, parts: u32, part_of: impl Fn(u16) -> u32) -> Vec<Self> {
        let part = |part: u32| {
            let is_of = |message: u16| part_of(message) == part;
            let calls = self.calls.iter();
            let calls = calls.filter(|call| call.message().is_none_or(is_of));
            let sights = self.sights.iter().filter(|sight| is_of(sight.message));
            Self {
                spec: self.spec,
                calls: calls.cloned().collect(),
                sights: sights.copied().collect(),
            }
        };
        (0..parts).map(part).collect()
    }

    pub fn judge(&self) -> Verdict {
        judge(&self.spec, &self.calls)
    }

    pub fn breaches(&self) -> Breaches {
        breaches(&self.spec, &self.calls, &self.sights)
    }

    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        self.breaches() != Breaches::default() || matches!(self.judge(), Verdict::Impossible { .. })
    }
}
