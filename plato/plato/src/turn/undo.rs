//! What was done is undone, when the workflow does not succeed: one after the other,
//! what ended last first.

use super::Turn;
use crate::event::{End, Event};
use crate::node::NodePhase;

impl Turn<'_> {
    /// Starts what undoes the next node, once nothing else runs any more.
    pub(super) fn undo_next(&mut self) {
        let is_quiet = self.workflow.out().next().is_none();
        if let Some(node) = self.workflow.plan.next_undo(&self.workflow.state)
            && is_quiet
            && !self.is_undoing()
        {
            self.record(Event::NodeStarted { node, tasks: 1 });
        }
    }

    /// Whether something is being undone.
    pub(super) fn is_undoing(&self) -> bool {
        let plan = &self.workflow.plan;
        let mut undos = plan.ids().filter(|node| plan.is_undo(*node));
        undos.any(|node| self.node(node).phase == NodePhase::Running)
    }

    /// Where all went well, nothing is undone.
    pub(super) fn leave_undos(&mut self, end: End) {
        if end != End::Succeeded {
            return;
        }
        for node in self.workflow.plan.ids() {
            if self.workflow.plan.is_undo(node) && self.node(node).phase == NodePhase::Waiting {
                self.pass_over(node, None);
            }
        }
    }
}
