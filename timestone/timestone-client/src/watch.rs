//! What happens in queues, as it happens and as it was.

use bytes::Bytes;
use futures::stream::BoxStream;
use timestone::{Event, Happening, MessageState, QueueCount};

use crate::TimestoneError;

/// What to hear of a queue. See [`Timestone::watch`](crate::Timestone::watch).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchRequest {
    pub queue: String,
    /// Only events that lead to or from one of these; empty = all.
    pub states: Vec<MessageState>,
    /// Only events of this message.
    pub message_id: Option<String>,
    /// No events.
    pub counts_only: bool,
}

impl WatchRequest {
    /// Everything of one queue.
    pub fn of(queue: impl Into<String>) -> Self {
        Self {
            queue: queue.into(),
            ..Self::default()
        }
    }

    /// Whether this event of the queue is asked for.
    pub fn wants(&self, event: &Event) -> bool {
        let is_listed =
            |state: Option<MessageState>| state.is_some_and(|state| self.states.contains(&state));
        let state = self.states.is_empty() || is_listed(event.from) || is_listed(event.to);
        let id = self.message_id.as_deref();
        !self.counts_only && state && id.is_none_or(|id| id == &*event.id)
    }
}

/// What is told of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// What the queue holds after the events; the whole of it, whatever is asked for.
    pub count: QueueCount,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Events before these were missed: the queue was counted anew.
    pub missed: bool,
    /// The queue is gone: this is the last.
    pub deleted: bool,
}

/// What happens in a queue: first what it holds.
pub type Watch = BoxStream<'static, Result<Watched, TimestoneError>>;

/// What happened to one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageHistory {
    /// In the order in which it happened, which within one life of the id is that of
    /// versions.
    pub events: Vec<Event>,
    /// There is more: the oldest are left out.
    pub truncated: bool,
}

impl MessageHistory {
    /// Each event, and for how many milliseconds the message stayed as it was after
    /// it; `None` while it does.
    pub fn entries(self) -> impl Iterator<Item = (Event, Option<u64>)> {
        let ends: Vec<_> = ends(&self.events).collect();
        let events = self.events.into_iter().zip(ends);
        events.map(|(event, end)| {
            let lasted = end.map(|end| end.saturating_sub(event.at).unsigned_abs());
            (event, lasted)
        })
    }
}

/// When the message left the state that each event brought it to.
fn ends(events: &[Event]) -> impl Iterator<Item = Option<i64>> {
    let left = |at: usize, event: &Event| {
        let later = events[at + 1..].iter();
        let left = later.clone().find(|later| later.to != event.to);
        left.map(|left| left.at)
    };
    let events = events.iter().enumerate();
    events.map(move |(at, event)| event.to.and_then(|_| left(at, event)))
}

/// Which events to find. See [`Timestone::find_events`](crate::Timestone::find_events).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventSearch {
    /// `None` = any, as for the others.
    pub queue: Option<String>,
    /// Empty = any.
    pub happenings: Vec<Happening>,
    pub owner: Option<String>,
    /// The code of the error.
    pub error_code: Option<String>,
    /// Not before this: Unix milliseconds.
    pub since: Option<i64>,
    /// Not from this on.
    pub until: Option<i64>,
    /// Where an earlier answer ended; empty = from the beginning.
    pub cursor: Bytes,
    /// Events on the page.
    pub limit: u32,
}

/// A page of events, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundEvents {
    /// There may be none although there are more pages.
    pub events: Vec<Event>,
    /// Where the next page begins.
    pub next: Option<Bytes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, to: Option<MessageState>) -> Event {
        Event {
            number: 0,
            at,
            queue: "q".into(),
            id: "m".into(),
            version: 1,
            happening: Happening::Enqueued,
            from: None,
            to,
            priority: 0,
            deliveries: 0,
            attempts_left: 1,
            owner: None,
            until: None,
            error: None,
        }
    }

    #[test]
    fn a_state_lasts_until_the_next_that_is_another() {
        let history = MessageHistory {
            events: vec![
                event(10, Some(MessageState::Pending)),
                event(15, Some(MessageState::Pending)),
                event(30, Some(MessageState::Running)),
                event(31, None),
            ],
            truncated: false,
        };
        let lasted: Vec<_> = history.entries().map(|(_, lasted)| lasted).collect();
        assert_eq!(lasted, [Some(20), Some(15), Some(1), None]);
    }
}
