//! What people do to a workflow.

use std::sync::Arc;

use plato::{Input, Phase, State};

use super::apply::Known;
use super::live::Live;
use super::round::Round;
use super::workflows::Workflows;
use crate::incoming::Signal;
use crate::{keys, records};

impl Workflows {
    /// Hands it on; to a workflow that is not live it means nothing any more.
    pub(crate) fn control(&mut self, id: &str, input: Input, round: &mut Round) {
        if self.ruled.live.contains_key(id) {
            return self.control_rules(id, input, round);
        }
        if self.handle(id, input, round).is_none() {
            self.late(id);
        }
    }

    /// Rules are paused and resumed; nothing else means anything to them.
    fn control_rules(&mut self, id: &str, input: Input, round: &mut Round) {
        let input = match input {
            Input::Pause { reason } => plato_rules::Input::Pause { reason },
            Input::Resume => plato_rules::Input::Resume,
            _ => return self.late(id),
        };
        self.handle_rules(id, input, round);
    }

    pub(crate) fn signal(&mut self, signal: Signal, round: &mut Round) {
        let Signal {
            workflow: id,
            node,
            value,
        } = signal;
        let live = self.live.get(id.as_str());
        let Some(node) = live.and_then(|live| live.activation.plan().find(&node)) else {
            return self.late(&id);
        };
        let elements = value.list.as_ref().map(|list| list.count);
        let step = self.handle(&id, Input::Signal(node, elements), round);
        if step.is_some_and(|step| step.ignored.is_none()) {
            round.put(keys::output(&id, node), records::encode_value(&value));
            self.keep_output(&id, node, value);
        }
    }

    /// A workflow that has failed is taken up again.
    pub(crate) fn retry(&mut self, id: &str, known: &Known, round: &mut Round) {
        if self.live.contains_key(id) {
            return self.control(id, Input::Retry, round);
        }
        let failed = known.ended.get(id);
        match failed.filter(|state| state.phase == Phase::Failed) {
            Some(state) => self.take_up(state.clone(), round),
            None => self.late(id),
        }
    }

    fn take_up(&mut self, state: State, round: &mut Round) {
        let (id, ended_ms) = (state.id.clone(), state.at_ms);
        // A definition that is not known, or of which there was none, cannot go on.
        let Ok(live) = Live::restore(&self.shared, state, self.epoch) else {
            return self.late(&id);
        };
        let key = Arc::clone(&live.id);
        self.live.insert(Arc::clone(&key), live);
        let step = self.handle(&id, Input::Retry, round);
        match step.is_some_and(|step| step.ignored.is_none()) {
            true => self.is_live_again(&id, ended_ms, round),
            false => drop(self.live.remove(&key)),
        }
    }

    fn is_live_again(&mut self, id: &str, ended_ms: i64, round: &mut Round) {
        self.taken_up += 1;
        round.delete(keys::ended_at(ended_ms, id));
        if let Some(live) = self.live.get_mut(id) {
            live.sequence = Live::first_sequence(live.workflow.state(), self.epoch);
            round.delete(keys::ended(id));
            tracing::info!(workflow = id, "a workflow that had failed goes on");
        }
    }
}
