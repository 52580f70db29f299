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
