use std::collections::{BTreeMap, HashSet};

use clock::Timestamp;
use timestone::NewMessage;

use crate::wire;

/// The messages still to be sent, oldest first.
///
/// Messages about one request leave in their order: the next one is due only when
/// the one before was removed.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    message: NewMessage,
    due: Timestamp,
}

impl Outbox {
    /// Adds a message, due at once.
    pub(crate) fn add(&mut self, number: u64, message: NewMessage) {
        let due = Timestamp::default();
        self.waiting.insert(number, Waiting { message, due });
    }

    /// Up to `max` messages whose time has come.
    pub(crate) fn due(&self, now: Timestamp, max: usize) -> Vec<(u64, NewMessage)> {
        self.heads()
            .filter(|(_, waiting)| waiting.due <= now)
            .map(|(number, waiting)| (number, waiting.message.clone()))
            .take(max)
            .collect()
    }

    /// When the next message is due; `None` when there is none.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.heads().map(|(_, waiting)| waiting.due).min()
    }

    /// The first message of each request.
    fn heads(&self) -> impl Iterator<Item = (u64, &Waiting)> {
        let mut seen = HashSet::new();
        self.waiting
            .iter()
            .filter(move |(_, waiting)| seen.insert(wire::request_of(&waiting.message.id)))
            .map(|(number, waiting)| (*number, waiting))
    }

    /// Tries a message again at `until`.
    pub(crate) fn defer(&mut self, number: u64, until: Timestamp) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.due = until;
        }
    }

    /// Forgets a message: it was sent, or never can be.
    pub(crate) fn remove(&mut self, number: u64) {
        self.waiting.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> NewMessage {
        NewMessage {
            id: id.into(),
            ..Default::default()
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn numbers(outbox: &Outbox, now: i64, max: usize) -> Vec<u64> {
        let due = outbox.due(at(now), max);
        due.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn a_cancellation_never_leaves_before_its_start() {
        let mut outbox = Outbox::default();
        outbox.add(1, message("a"));
        outbox.add(2, message("a/cancel"));
        outbox.add(3, message("b"));
        assert_eq!(numbers(&outbox, 0, 9), [1, 3]);
        outbox.remove(1);
        assert_eq!(numbers(&outbox, 0, 9), [2, 3]);
    }

    #[test]
    fn a_deferred_message_does_not_hold_up_others() {
        let mut outbox = Outbox::default();
        outbox.add(1, message("a"));
        outbox.add(2, message("a/cancel"));
        outbox.add(3, message("b"));
        outbox.defer(1, at(50));
        assert_eq!(numbers(&outbox, 49, 9), [3]);
        outbox.remove(3);
        assert_eq!(outbox.next_due(), Some(at(50)));
        assert_eq!(numbers(&outbox, 50, 9), [1]);
    }

    #[test]
    fn an_empty_outbox_has_nothing_due() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.next_due(), None);
        outbox.add(1, message("a"));
        assert_eq!(numbers(&outbox, 0, 0), [0_u64; 0]);
        outbox.remove(1);
        assert_eq!(outbox.next_due(), None);
    }
}
