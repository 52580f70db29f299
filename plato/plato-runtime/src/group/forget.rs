//! Workflows that have ended are forgotten after a while: at once by their ids and
//! attributes, and then a few keys at a time what they have left.

use super::round::Round;
use super::workflows::Workflows;
use crate::jobs::{Forget, Forgotten, Job, Sweep};
use crate::keys;

impl Workflows {
    /// Looks for workflows to forget.
    pub(crate) fn look_for_old(&self, round: &mut Round) {
        round.jobs.push(Job::Forget(Forget {
            excess: None,
            taken_up: self.taken_up,
        }));
    }

    pub(crate) fn forget(&mut self, found: Forgotten, round: &mut Round) {
        if found.forget.taken_up != self.taken_up {
            // One of them may have been taken up again since.
            return self.look_for_old(round);
        }
        for old in found.workflows {
            let workflow = old.workflow;
            tracing::info!(workflow, "a workflow that has ended is forgotten");
            old.told_by.into_iter().for_each(|key| round.delete(key));
            for prefix in old.prefixes {
                round.put(keys::garbage(&prefix), bytes::Bytes::new());
                round.jobs.push(Job::Sweep(Sweep::of_prefix(&prefix)));
            }
            self.forgotten.insert(workflow);
        }
        if found.more {
            round.jobs.push(Job::Forget(found.forget));
        }
    }

    /// Nothing is left of what the sweep was for.
    pub(crate) fn swept(&mut self, sweep: &Sweep) {
        let remembered_by = sweep.remembered_by.as_deref();
        if let Some(workflow) = remembered_by.and_then(keys::read_forgotten) {
            self.forgotten.remove(workflow);
        }
    }
}
