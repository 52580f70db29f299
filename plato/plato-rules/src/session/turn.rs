//! One input taken in: the events and runs it leads to.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::Event;
use crate::rules::Rules;

use super::refusal::told;
use super::{Input, Session, Step};

pub(super) struct Turn<'a> {
    pub(super) session: &'a mut Session,
    pub(super) now_ms: i64,
    pub(super) step: Step,
    /// Firings whose match has ceased, whose conclusions are to be looked at.
    pub(super) ceased: VecDeque<u64>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(session: &'a mut Session, now_ms: i64) -> Self {
        Self {
            session,
            now_ms,
            step: Step::default(),
            ceased: VecDeque::new(),
        }
    }

    pub(super) fn take(&mut self, input: Input) {
        self.session.memory.chain(0);
        match input {
            Input::Assert(facts) => self.assert_all(facts),
            Input::Retract(facts) => self.retract_all(facts),
            Input::Ended {
                firing,
                generation,
                result,
            } => self.ended(firing, generation, result),
            Input::Pause { reason } => self.pause(reason),
            Input::Resume => self.resume(),
            Input::Cancel { reason } => return self.cancel(reason),
            Input::Tick => self.tick(),
        }
        self.fire_all();
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.session.state.apply(&event, self.now_ms);
        self.step.events.push(event);
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(self.session.memory.rules())
    }

    fn pause(&mut self, reason: String) {
        match self.session.state.paused {
            Some(_) => self.step.is_ignored = true,
            None => self.emit(Event::Paused { reason }),
        }
    }

    fn resume(&mut self) {
        if self.session.state.may_fire() {
            self.step.is_ignored = true;
            return;
        }
        // What was not to be trusted is built anew.
        match Session::restore(self.rules(), self.session.state.clone()) {
            Ok(session) => {
                self.session.memory = session.memory;
                self.emit(Event::Resumed);
                self.tick();
            }
            Err(refused) => self.step.refused.push((0, told(&refused))),
        }
    }

    fn cancel(&mut self, reason: String) {
        self.step.stop = self
            .session
            .state
            .out()
            .map(|(number, _, generation)| (number, generation))
            .collect();
        self.emit(Event::Canceled { reason });
    }
}
