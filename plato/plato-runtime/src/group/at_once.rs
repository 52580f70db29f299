//! What a workflow wants done next. What is light is done within the round, so that one
//! commit holds the end of a step and the beginning of the next; all else is done beside
//! the loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use plato::TaskContext;

use super::round::Round;
use super::workflows::Workflows;
use crate::jobs::{Job, NodeOf, Prepared, prepare_now};

impl Workflows {
    /// Has the workflow's next work done.
    pub(crate) fn carry_out(&mut self, id: &Arc<str>, round: &mut Round) {
        // What is prepared at once may lead to more.
        while self.carry_out_some(id, round) {}
    }

    /// Whether some of it was done.
    fn carry_out_some(&mut self, id: &Arc<str>, round: &mut Round) -> bool {
        let Some(live) = self.live.get_mut(id) else {
            return false;
        };
        let mut done = false;
        for job in live.jobs(round.now_ms) {
            match self.prepare_at_once(&job) {
                Some((of, prepared)) => {
                    self.prepared(&of.workflow, of.node, vec![prepared], round);
                    done = true;
                }
                None => round.jobs.push(job),
            }
        }
        done
    }

    /// The one task of a node whose code is known to be quick, and all that it is given at hand.
    fn prepare_at_once(&mut self, job: &Job) -> Option<(NodeOf, Prepared)> {
        let Job::Run {
            of,
            tasks,
            outgrown,
        } = job
        else {
            return None;
        };
        let ([task], true) = (
            tasks.as_slice(),
            self.paces.is_trusted(&of.activation, of.node),
        ) else {
            return None;
        };
        let live = self.live.get(&of.workflow)?;
        let nodes = &live.workflow.state().nodes;
        let context = TaskContext::new(live.values.as_ref()?.context(of, nodes)?);
        let prepared = self.prepare_one(of, outgrown, *task, &context)?;
        Some((of.clone(), prepared))
    }

    fn prepare_one(
        &mut self,
        of: &NodeOf,
        outgrown: &BTreeMap<u64, u32>,
        task: (u64, u32),
        context: &TaskContext,
    ) -> Option<Prepared> {
        let begun = self.shared.clock.elapsed();
        let prepared = prepare_now((&self.shared, self.group), of, outgrown, task, context)?;
        let took = self.shared.clock.elapsed().saturating_sub(begun);
        self.paces.took(&of.activation, of.node, took);
        Some(prepared)
    }
}
