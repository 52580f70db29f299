use std::collections::{BTreeSet, HashMap};

use crate::Clause;
use crate::message::{Message, State};
use crate::name::Name;
use crate::queue::Queue;
use crate::sessions::Sessions;
use crate::sorted::Sorted;

/// Finds messages by what is asked for; a message stands here by its state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) queues: HashMap<Name, Queue>,
    pub(crate) sessions: Sessions,
    /// Every message that time alone changes, by when.
    timers: Sorted<(i64, u64)>,
    /// Queues that are being deleted.
    pub(crate) doomed: BTreeSet<Name>,
    /// Queues of which more may be leased than before.
    woken: BTreeSet<Name>,
}

impl Index {
    /// Puts a new message where its state belongs.
    pub(crate) fn admit(&mut self, sequence: u64, message: &Message) {
        self.begin(sequence, message);
        let queue = match self.queues.get_mut(&message.queue) {
            Some(queue) => queue,
            None => self.queues.entry(message.queue.clone()).or_default(),
        };
        if queue.put(sequence, message) {
            self.wake(&message.queue);
        }
    }

    /// Forgets a message, and its queue if that was all.
    pub(crate) fn forget(&mut self, sequence: u64, message: &Message) {
        self.end(sequence, message);
        let Some(queue) = self.queues.get_mut(&message.queue) else {
            return;
        };
        let opened = queue.take(sequence, message);
        if queue.is_blank() {
            self.queues.remove(&message.queue);
        }
        if opened {
            self.wake(&message.queue);
        }
    }

    /// Changes the state of a message, and puts it where that belongs.
    pub(crate) fn change(
        &mut self,
        sequence: u64,
        message: &mut Message,
        edit: impl FnOnce(&mut Message),
    ) {
        self.end(sequence, message);
        let Some(queue) = self.queues.get_mut(&message.queue) else {
            return;
        };
        if queue.change(sequence, message, edit) {
            self.wake(&message.queue);
        }
        self.begin(sequence, message);
    }

    /// The state of a message begins.
    fn begin(&mut self, sequence: u64, message: &Message) {
        if let Some(due) = message.state.due() {
            self.timers.insert((due, sequence));
        }
        if let State::Running(lease) = &message.state {
            self.sessions.began(lease, sequence);
        }
    }

    /// Undoes [`begin`](Self::begin); the message must not have changed in between.
    fn end(&mut self, sequence: u64, message: &Message) {
        if let Some(due) = message.state.due() {
            self.timers.remove((due, sequence));
        }
        if let State::Running(lease) = &message.state {
            self.sessions.ended(lease, sequence);
        }
    }

    /// Those who wait for this queue shall look again.
    pub(crate) fn wake(&mut self, queue: &Name) {
        if !self.woken.contains(queue) {
            self.woken.insert(queue.clone());
        }
    }

    /// Whether its time is told from here.
    pub(crate) fn tell_time(&mut self, sequence: u64, due: i64, here: bool) {
        match here {
            true => self.timers.insert((due, sequence)),
            false => self.timers.remove((due, sequence)),
        }
    }

    pub(crate) fn move_timer(&mut self, sequence: u64, from: i64, to: i64) {
        self.timers.remove((from, sequence));
        self.timers.insert((to, sequence));
    }

    /// What would be leased next in all of `queues`, of what is wanted.
    pub(crate) fn first(&self, queues: &[String], wanted: Option<&Clause>) -> Option<u64> {
        let first = |queue: &String| self.queues.get(queue.as_str())?.first(wanted);
        queues.iter().filter_map(first).min().map(|rank| rank.1)
    }

    /// The priorities of what would be leased next in all of `queues`, of what is wanted.
    pub(crate) fn ahead(
        &self,
        queues: &[String],
        wanted: Option<&Clause>,
        most: usize,
    ) -> Vec<i64> {
        let known = queues
            .iter()
            .filter_map(|queue| self.queues.get(queue.as_str()));
        let mut ahead: Vec<_> = known.flat_map(|queue| queue.ahead(wanted, most)).collect();
        if queues.len() > 1 {
            ahead.sort_unstable();
        }
        ahead.truncate(most);
        ahead.into_iter().map(|(priority, _)| priority).collect()
    }

    /// A message is about to be delivered.
    pub(crate) fn serve(&mut self, message: &Message) {
        if let Some(queue) = self.queues.get_mut(&message.queue) {
            queue.serve(message);
        }
    }

    /// The message that time alone changes first, of those that are not packed, and when.
    pub(crate) fn next_timer(&self) -> Option<(i64, u64)> {
        self.timers.first()
    }

    pub(crate) fn take_woken(&mut self) -> BTreeSet<Name> {
        std::mem::take(&mut self.woken)
    }
}
