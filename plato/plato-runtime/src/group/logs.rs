//! What functions said, kept beside how their tries ended.

use std::sync::Arc;

use bytes::Bytes;
use plato::{Event, Step, TaskRef};

use super::round::Round;
use super::workflows::Workflows;
use crate::keys::{self, Try};
use crate::records::log::KeptLog;

impl Workflows {
    /// Keeps the log of a try whose end `step` took in.
    pub(crate) fn keep_log(
        &self,
        id: &str,
        task: TaskRef,
        step: &Step,
        log: &KeptLog,
        round: &mut Round,
    ) {
        let Some(live) = self.live.get(id).filter(|_| step.ignored.is_none()) else {
            return;
        };
        let of = Try {
            workflow: id,
            node: &live.activation.plan().node(task.node).name,
            element: task.element,
            generation: task.generation,
        };
        put_log(&of, log, round);
    }

    /// Keeps which try it was that failed its workflow.
    pub(crate) fn keep_failed_by(&self, id: &str, task: TaskRef, step: &Step, round: &mut Round) {
        let is_failing = |event: &Event| matches!(event, Event::Failing { .. });
        let live = self
            .live
            .get(id)
            .filter(|_| step.events.iter().any(is_failing));
        if let Some(live) = live {
            let node = &live.activation.plan().node(task.node).name;
            let invocation = task.invocation(id, node);
            round.put(keys::failed_by(id), invocation.into());
        }
    }

    /// What failed a workflow is of no interest once it goes on.
    pub(crate) fn forget_failed_by(&self, id: &Arc<str>, event: &Event, round: &mut Round) {
        if matches!(event, Event::Retried | Event::RetriedFrom { .. }) {
            round.delete(keys::failed_by(id));
        }
    }
}

/// Keeps the log of a try, to be found by its place and by its invocation.
pub(crate) fn put_log(of: &Try<'_>, log: &KeptLog, round: &mut Round) {
    let key = keys::log(of);
    round.put(keys::log_of(&of.invocation()), Bytes::clone(&key));
    round.put(key, log.encode());
}
