use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::message::{Message, State};
use crate::queue::Queue;
use crate::sessions::Sessions;

/// Finds messages by what is asked for; a message stands here by its state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) queues: HashMap<Arc<str>, Queue>,
    pub(crate) sessions: Sessions,
    /// Every message that time alone changes, by when.
    timers: BTreeSet<(i64, u64)>,
    /// Queues that got a pending message.
    woken: BTreeSet<Arc<str>>,
}

impl Index {
    /// Makes a message known by its id.
    pub(crate) fn admit(&mut self, sequence: u64, message: &Message) {
        let queue = self.queues.entry(Arc::clone(&message.queue)).or_default();
        queue.ids.insert(Arc::clone(&message.id), sequence);
        self.insert(sequence, message);
    }

    /// Forgets a message, and its queue if that was all.
    pub(crate) fn forget(&mut self, sequence: u64, message: &Message) {
        self.remove(sequence, message);
        if let Some(queue) = self.queues.get_mut(&message.queue) {
            queue.ids.remove(&message.id);
            if queue.is_blank() {
                self.queues.remove(&message.queue);
            }
        }
    }

    /// Puts a message where its state belongs.
    pub(crate) fn insert(&mut self, sequence: u64, message: &Message) {
        self.timers
            .extend(message.state.due().map(|due| (due, sequence)));
        let queue = self.queues.entry(Arc::clone(&message.queue)).or_default();
        queue.count_in(message.state.kind());
        match &message.state {
            State::Pending => {
                queue.ready.insert((message.priority, sequence));
                self.woken.insert(Arc::clone(&message.queue));
            }
            State::Running(lease) => self.sessions.began(lease, sequence),
            State::Invisible { .. } | State::Ended(_) => {}
        }
    }

    /// Undoes [`Index::insert`]; the message must not have changed in between.
    pub(crate) fn remove(&mut self, sequence: u64, message: &Message) {
        if let Some(due) = message.state.due() {
            self.timers.remove(&(due, sequence));
        }
        if let Some(queue) = self.queues.get_mut(&message.queue) {
            queue.count_out(message.state.kind());
            queue.ready.remove(&(message.priority, sequence));
        }
        if let State::Running(lease) = &message.state {
            self.sessions.ended(lease, sequence);
        }
    }

    pub(crate) fn move_timer(&mut self, sequence: u64, from: i64, to: i64) {
        self.timers.remove(&(from, sequence));
        self.timers.insert((to, sequence));
    }

    pub(crate) fn find(&self, queue: &str, id: &str) -> Option<u64> {
        self.queues.get(queue)?.ids.get(id).copied()
    }

    /// The pending message that comes first in all of `queues`.
    pub(crate) fn most_urgent(&self, queues: &[String]) -> Option<u64> {
        let first = |queue: &String| self.queues.get(queue.as_str())?.ready.first();
        queues.iter().filter_map(first).min().map(|rank| rank.1)
    }

    /// When time alone changes something next.
    pub(crate) fn next_timer(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The message that time changes first, if it is due.
    pub(crate) fn due(&self, now: i64) -> Option<u64> {
        let (due, sequence) = self.timers.first()?;
        (*due <= now).then_some(*sequence)
    }

    pub(crate) fn take_woken(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.woken)
    }
}
