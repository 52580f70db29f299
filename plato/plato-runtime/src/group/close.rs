//! The end of a round: journal entries, snapshots, ends of workflows, next work.

use std::sync::Arc;

use plato::{Entry, Event};

use super::round::Round;
use super::workflows::Workflows;
use crate::{keys, records};

impl Workflows {
    /// Completes the round's batch: after it the round is committed as it is.
    pub(crate) fn close(&mut self, round: &mut Round) {
        for (id, mut events) in std::mem::take(&mut round.events) {
            self.carry_out(&id, round);
            events.extend(round.events.remove(&id).into_iter().flatten());
            self.journal(&id, events, round);
            let live = self.live.get(&id);
            match live.is_some_and(|live| live.workflow.state().phase.is_final()) {
                true => self.end(&id, round),
                false => self.carry_on(&id, round),
            }
        }
        self.close_rules(round);
        self.forget_sent(round);
        self.part.live(self.live.len() + self.ruled.live.len());
    }

    fn journal(&mut self, id: &Arc<str>, events: Vec<Event>, round: &mut Round) {
        let Some(live) = self.live.get(id) else {
            return;
        };
        let count = events.len() as u64;
        let first = live.workflow.state().events.saturating_sub(count);
        let entry = Entry {
            first,
            at_ms: round.now_ms,
            events,
        };
        round.put(keys::journal(id, first), records::encode_entry(&entry));
        self.tally.events.add(count);
    }

    fn carry_on(&mut self, id: &Arc<str>, round: &mut Round) {
        self.snapshot_if_due(id, round);
        self.set_timer(id);
        self.tell_soon(id);
    }

    fn snapshot_if_due(&mut self, id: &Arc<str>, round: &mut Round) {
        let every = self.shared.config.snapshot_every;
        if let Some(live) = self.live.get_mut(id)
            && live
                .snapshot
                .is_none_or(|of| live.workflow.state().events >= of.saturating_add(every))
        {
            live.snapshot = Some(live.workflow.state().events);
            round.put(
                keys::snapshot(id),
                records::encode_state(live.workflow.state()),
            );
        }
    }

    fn end(&mut self, id: &Arc<str>, round: &mut Round) {
        let Some(mut live) = self.live.remove(id) else {
            return;
        };
        let state = live.workflow.state();
        self.tally.ended(state.phase);
        tracing::info!(workflow = %id, phase = ?state.phase, error = ?state.error, "workflow ended");
        round.delete(keys::snapshot(id));
        round.put(keys::ended(id), records::encode_state(state));
        round.put(keys::ended_at(state.at_ms, id), bytes::Bytes::new());
        if let Some(due) = live.due_ms {
            self.timers.remove(&(due, Arc::clone(id)));
        }
        if let Some(message) = live.tell() {
            self.enqueue(message, round);
        }
    }
}
