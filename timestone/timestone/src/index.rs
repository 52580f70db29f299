use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::Clause;
use crate::message::{Message, State};
use crate::queue::{Queue, Tags};
use crate::sessions::Sessions;

/// Finds messages by what is asked for; a message stands here by its state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) queues: HashMap<Arc<str>, Queue>,
    pub(crate) sessions: Sessions,
    /// Every message that time alone changes, by when.
    timers: BTreeSet<(i64, u64)>,
    /// Queues that are being deleted.
    pub(crate) doomed: BTreeSet<Arc<str>>,
    /// Queues of which more may be leased than before.
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
        let tags = self.remove(sequence, message);
        self.sweep(message, tags);
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
        if let State::Running(lease) = &message.state {
            self.sessions.began(lease, sequence);
        }
        let queue = self.queues.entry(Arc::clone(&message.queue)).or_default();
        if queue.put(sequence, message) {
            self.woken.insert(Arc::clone(&message.queue));
        }
    }

    /// Undoes [`Index::insert`], up to a [`sweep`](Index::sweep); the message must
    /// not have changed in between.
    pub(crate) fn remove(&mut self, sequence: u64, message: &Message) -> Option<Tags> {
        if let Some(due) = message.state.due() {
            self.timers.remove(&(due, sequence));
        }
        if let State::Running(lease) = &message.state {
            self.sessions.ended(lease, sequence);
        }
        let queue = self.queues.get_mut(&message.queue)?;
        let (tags, opened) = queue.take(sequence, message);
        if opened {
            self.woken.insert(Arc::clone(&message.queue));
        }
        Some(tags)
    }

    /// Forgets what a message that was removed stood for, unless it is there again.
    pub(crate) fn sweep(&mut self, message: &Message, tags: Option<Tags>) {
        let queue = self.queues.get_mut(&message.queue);
        if let (Some(queue), Some(tags)) = (queue, tags) {
            queue.sweep(&tags);
        }
    }

    /// Those who wait for this queue shall look again.
    pub(crate) fn wake(&mut self, queue: Arc<str>) {
        self.woken.insert(queue);
    }

    pub(crate) fn move_timer(&mut self, sequence: u64, from: i64, to: i64) {
        self.timers.remove(&(from, sequence));
        self.timers.insert((to, sequence));
    }

    pub(crate) fn find(&self, queue: &str, id: &str) -> Option<u64> {
        self.queues.get(queue)?.ids.get(id).copied()
    }

    /// What would be leased next in all of `queues`, of what is wanted.
    pub(crate) fn first(&self, queues: &[String], wanted: Option<&Clause>) -> Option<u64> {
        let first = |queue: &String| self.queues.get(queue.as_str())?.first(wanted);
        queues.iter().filter_map(first).min().map(|rank| rank.1)
    }

    /// A message is about to be delivered.
    pub(crate) fn serve(&mut self, message: &Message) {
        if let Some(queue) = self.queues.get_mut(&message.queue) {
            queue.serve(message);
        }
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
