//! What people do to a workflow.

use std::sync::Arc;

use plato::{Event, Input, Phase, State};

use super::apply::{Known, sweep_results};
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

    /// A workflow that has failed is taken up again; or one that has ended, from a node on.
    pub(crate) fn retry(&mut self, id: &str, from: Option<&str>, known: &Known, round: &mut Round) {
        if self.live.contains_key(id) {
            return match from {
                Some(_) => self.late(id),
                None => self.control(id, Input::Retry, round),
            };
        }
        if self.forgotten.contains(id) {
            return self.late(id);
        }
        let takes_up = |state: &&State| match state.phase {
            // It was refused at its start, and has nothing to go on with.
            _ if state.nodes.is_empty() => false,
            Phase::Failed => true,
            Phase::Succeeded => from.is_some(),
            _ => false,
        };
        match known.ended.get(id).filter(takes_up) {
            Some(state) => self.take_up(state.clone(), from, known, round),
            None => self.late(id),
        }
    }

    fn take_up(&mut self, state: State, from: Option<&str>, known: &Known, round: &mut Round) {
        let (id, ended_ms) = (state.id.clone(), state.at_ms);
        // A definition that is not known, or of which there was none, cannot go on.
        let Ok(mut live) = Live::restore(&self.shared, state, self.epoch) else {
            return self.late(&id);
        };
        let input = match from.map(|from| live.activation.plan().find(from)) {
            None => Input::Retry,
            Some(Some(node)) => Input::RetryFrom(node),
            Some(None) => return self.late(&id),
        };
        live.output = known.outputs.get(&id).cloned();
        let key = Arc::clone(&live.id);
        self.live.insert(Arc::clone(&key), live);
        let step = self.handle(&id, input, round);
        match step.is_some_and(|step| step.ignored.is_none()) {
            true => self.is_live_again(&id, ended_ms, round),
            false => drop(self.live.remove(&key)),
        }
    }

    /// What nodes that begin anew had put out is deleted, as one that is passed over this time
    /// puts out nothing; and so are results of maps that had not been sealed.
    pub(crate) fn begin_again(&mut self, id: &Arc<str>, event: &Event, round: &mut Round) {
        let (Event::RetriedFrom { nodes, .. }, Some(live)) = (event, self.live.get_mut(id)) else {
            return;
        };
        let plan = Arc::clone(live.activation.plan());
        if nodes.contains(&plan.output()) {
            live.output = None;
        }
        let state = live.workflow.state();
        for node in nodes {
            round.delete(keys::output(id, *node));
            if plan.is_map(*node) {
                let run = state.nodes[node.index()].run();
                round.put(keys::run(id, *node), records::encode_run(run));
                sweep_results(id, *node, run.saturating_sub(1), round);
            }
        }
    }

    fn is_live_again(&mut self, id: &str, ended_ms: i64, round: &mut Round) {
        self.taken_up += 1;
        round.delete(keys::ended_at(ended_ms, id));
        if let Some(live) = self.live.get_mut(id) {
            live.sequence = Live::first_sequence(live.workflow.state(), self.epoch);
            round.delete(keys::ended(id));
            tracing::info!(workflow = id, "a workflow that had ended goes on");
        }
    }
}
