//! What was told of messages is what they did.

use std::collections::BTreeMap;

use crate::message::Message;
use crate::{Event, Happening, MessageState, QueueCount, Queues};

type Key = (String, String);

/// The queues, as one knows them who only heard.
#[derive(Default)]
pub(super) struct Watched {
    messages: BTreeMap<Key, Heard>,
    happened: BTreeMap<(String, Happening), u64>,
    next: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Heard {
    state: MessageState,
    version: u64,
    priority: i64,
    deliveries: u32,
    attempts_left: u32,
    /// When it became pending.
    since: i64,
}

impl Watched {
    /// Hears of a machine that was just recovered.
    pub(super) fn begin(&mut self, machine: &mut Queues) {
        machine.observe(true);
        machine.keep_tally();
        machine.number_events_from(self.next);
        self.happened.clear();
        let now = machine.now;
        let messages = machine.messages.iter().map(|(_, message)| message);
        self.messages = messages
            .map(|message| (key(&message), Heard::of(&message, now)))
            .collect();
    }

    pub(super) fn compare(&mut self, machine: &mut Queues) {
        for event in machine.take_events() {
            self.hear(&event);
        }
        let messages = machine.messages.iter().map(|(_, message)| message);
        let mut found: BTreeMap<_, _> = messages
            .map(|message| (key(&message), Heard::of(&message, 0)))
            .collect();
        for (key, heard) in &self.messages {
            if let Some(found) = found.get_mut(key) {
                found.since = heard.since;
            }
        }
        assert_eq!(self.messages, found);
        self.compare_stats(machine);
    }

    fn hear(&mut self, event: &Event) {
        assert_eq!(event.number, self.next, "{event:?}");
        self.next += 1;
        let queue = event.queue.to_string();
        *self
            .happened
            .entry((queue.clone(), event.happening))
            .or_default() += 1;
        let key = (queue, event.id.to_string());
        let before = self.messages.remove(&key);
        assert_eq!(before.as_ref().map(|before| before.state), event.from);
        let Some(state) = event.to else {
            assert_eq!(event.happening, Happening::Forgotten);
            return;
        };
        let written = u64::from(event.happening != Happening::BecameVisible);
        let version = before.as_ref().map_or(0, |before| before.version) + written;
        assert_eq!(event.version, version, "{event:?}");
        assert!(is_told_right(event), "{event:?}");
        let since = match &before {
            Some(before) if before.state == state => before.since,
            _ => event.at,
        };
        let heard = Heard {
            state,
            version,
            priority: event.priority,
            deliveries: event.deliveries,
            attempts_left: event.attempts_left,
            since,
        };
        self.messages.insert(key, heard);
    }

    fn compare_stats(&self, machine: &Queues) {
        let stats = machine.stats(usize::MAX);
        for stats in &stats.queues {
            let queue = &stats.count.queue;
            assert_eq!(stats.count, self.count(queue));
            let urgency = stats.overdue + stats.within_hour + stats.later;
            assert_eq!(urgency, stats.count.pending, "{stats:?}");
            let oldest = self.pending(queue).map(|heard| heard.since).min();
            assert_eq!(stats.oldest.is_some(), oldest.is_some());
            let apart = stats.oldest.zip(oldest).map_or(0, |(a, b)| (a - b).abs());
            assert!(apart < 1_000, "{stats:?} is {apart} ms off");
        }
        let sum: u64 = self.happened.values().sum();
        let told = stats.queues.iter().chain([&stats.rest]);
        assert_eq!(told.flat_map(|stats| stats.happened).sum::<u64>(), sum);
    }

    fn pending(&self, queue: &str) -> impl Iterator<Item = &Heard> {
        self.of(queue)
            .filter(|heard| heard.state == MessageState::Pending)
    }

    fn of(&self, queue: &str) -> impl Iterator<Item = &Heard> {
        let of = self.messages.iter().filter(move |(key, _)| key.0 == queue);
        of.map(|(_, heard)| heard)
    }

    fn count(&self, queue: &str) -> QueueCount {
        let mut counts = [0; 6];
        self.of(queue)
            .for_each(|heard| counts[heard.state as usize] += 1);
        QueueCount::of(queue, &counts)
    }
}

impl Heard {
    fn of(message: &Message, since: i64) -> Self {
        Self {
            state: message.state.kind(),
            version: message.version,
            priority: message.priority,
            deliveries: message.deliveries,
            attempts_left: message.attempts_left,
            since,
        }
    }
}

fn key(message: &Message) -> Key {
    (message.queue.to_string(), message.id.to_string())
}

/// What each word may mean.
fn is_told_right(event: &Event) -> bool {
    use MessageState::{Canceled, Completed, Errored, Invisible, Pending, Running};
    let (from, to) = (event.from, event.to);
    let waits = |state| matches!(state, Some(Pending | Invisible));
    match event.happening {
        Happening::Enqueued => from.is_none() && waits(to),
        Happening::BecameVisible => (from, to) == (Some(Invisible), Some(Pending)),
        Happening::Leased => waits(from) && to == Some(Running) && event.owner.is_some(),
        Happening::Extended => (from, to) == (Some(Running), Some(Running)),
        Happening::Completed => (from, to) == (Some(Running), Some(Completed)),
        Happening::Failed => from == Some(Running) && waits(to) && event.error.is_some(),
        Happening::Released | Happening::Returned | Happening::Lapsed => {
            from == Some(Running) && waits(to) && event.owner.is_some()
        }
        Happening::Canceled => to == Some(Canceled) && event.error.is_some(),
        Happening::Errored | Happening::Expired => {
            (from, to) == (Some(Running), Some(Errored)) && event.error.is_some()
        }
        Happening::Rescheduled => waits(from) && waits(to),
        Happening::Redriven => from == Some(Errored) && waits(to),
        Happening::Forgotten => to.is_none(),
    }
}
