//! Events, and what is asked of them.

use buffa::Message;
use proto::timestone::v1 as wire;
use timestone::{Event, Happening, MessageKey, MessageState, QueueCount};

use super::convert::{Inward, Outward, Problem, all, each, required};
use super::message::{of_state, some, to_error, to_state};
use crate::{EventSearch, FoundEvents, MessageHistory, WatchRequest, Watched};

/// Events on a page where the caller does not say.
const PAGE: u32 = 100;

impl Outward for Event {
    type Wire = wire::MessageEvent;

    fn outward(self) -> wire::MessageEvent {
        let key = MessageKey {
            queue: self.queue.to_string(),
            id: self.id.to_string(),
        };
        wire::MessageEvent {
            key: Some(key.outward()).into(),
            version: self.version,
            happening: to_happening(self.happening).into(),
            at_unix_ms: self.at,
            from: to_some_state(self.from).into(),
            to: to_some_state(self.to).into(),
            priority: self.priority,
            deliveries: self.deliveries,
            attempts_left: self.attempts_left,
            owner: self.owner.as_deref().unwrap_or_default().to_owned(),
            until_unix_ms: self.until.unwrap_or_default(),
            error: self.error.as_ref().and_then(to_error).into(),
            number: self.number,
            ..Default::default()
        }
    }
}

impl Inward<wire::MessageEvent> for Event {
    fn inward(event: wire::MessageEvent) -> Result<Self, Vec<Problem>> {
        let key: MessageKey = required("key", event.key.into_option())?;
        let happening = event.happening.as_known().and_then(of_happening);
        let error = event.error.into_option();
        Ok(Self {
            number: event.number,
            at: event.at_unix_ms,
            queue: key.queue.into(),
            id: key.id.into(),
            version: event.version,
            happening: required("happening", happening)?,
            from: event.from.as_known().and_then(of_state),
            to: event.to.as_known().and_then(of_state),
            priority: event.priority,
            deliveries: event.deliveries,
            attempts_left: event.attempts_left,
            owner: some(event.owner).map(Into::into),
            until: some(event.until_unix_ms),
            error: error.map(|error| error.encode_to_vec().into()),
        })
    }
}

impl Inward<Happening> for Happening {
    fn inward(happening: Happening) -> Result<Self, Vec<Problem>> {
        Ok(happening)
    }
}

pub(super) fn to_some_state(state: Option<MessageState>) -> wire::MessageState {
    state.map_or(wire::MessageState::Unspecified, to_state)
}

pub(super) fn to_happening(happening: Happening) -> wire::Happening {
    match happening {
        Happening::Enqueued => wire::Happening::Enqueued,
        Happening::BecameVisible => wire::Happening::BecameVisible,
        Happening::Leased => wire::Happening::Leased,
        Happening::Extended => wire::Happening::Extended,
        Happening::Completed => wire::Happening::Completed,
        Happening::Failed => wire::Happening::Failed,
        Happening::Released => wire::Happening::Released,
        Happening::Returned => wire::Happening::Returned,
        Happening::Lapsed => wire::Happening::Lapsed,
        Happening::Canceled => wire::Happening::Canceled,
        Happening::Errored => wire::Happening::Errored,
        Happening::Expired => wire::Happening::Expired,
        Happening::Rescheduled => wire::Happening::Rescheduled,
        Happening::Redriven => wire::Happening::Redriven,
        Happening::Forgotten => wire::Happening::Forgotten,
    }
}

fn of_happening(happening: wire::Happening) -> Option<Happening> {
    let mut all = Happening::ALL.into_iter();
    all.find(|known| to_happening(*known) == happening)
}

impl Outward for WatchRequest {
    type Wire = wire::WatchQueueRequest;

    fn outward(self) -> wire::WatchQueueRequest {
        let states = self.states.into_iter();
        wire::WatchQueueRequest {
            queue: self.queue,
            states: states.map(|state| to_state(state).into()).collect(),
            message_id: self.message_id.unwrap_or_default(),
            counts_only: self.counts_only,
            ..Default::default()
        }
    }
}

impl Inward<wire::WatchQueueRequest> for WatchRequest {
    fn inward(request: wire::WatchQueueRequest) -> Result<Self, Vec<Problem>> {
        let states = request.states.iter().enumerate().map(|(index, state)| {
            let field = format!("states[{index}]");
            required(&field, state.as_known().and_then(of_state))
        });
        Ok(Self {
            states: states.collect::<Result<_, _>>()?,
            queue: request.queue,
            message_id: some(request.message_id),
            counts_only: request.counts_only,
        })
    }
}

impl Outward for Watched {
    type Wire = wire::WatchQueueResponse;

    fn outward(self) -> wire::WatchQueueResponse {
        wire::WatchQueueResponse {
            count: Some(self.count.outward()).into(),
            events: all(self.events),
            missed: self.missed,
            deleted: self.deleted,
            ..Default::default()
        }
    }
}

impl Inward<wire::WatchQueueResponse> for Watched {
    fn inward(watched: wire::WatchQueueResponse) -> Result<Self, Vec<Problem>> {
        let count: QueueCount = required("count", watched.count.into_option())?;
        Ok(Self {
            count,
            events: each("events", watched.events)?,
            missed: watched.missed,
            deleted: watched.deleted,
        })
    }
}

impl Outward for MessageHistory {
    type Wire = wire::GetMessageHistoryResponse;

    fn outward(self) -> wire::GetMessageHistoryResponse {
        let truncated = self.truncated;
        let entries = self.entries().map(|(event, lasted)| wire::HistoryEntry {
            event: Some(event.outward()).into(),
            lasted_ms: lasted,
            ..Default::default()
        });
        wire::GetMessageHistoryResponse {
            entries: entries.collect(),
            truncated,
            ..Default::default()
        }
    }
}

impl Inward<wire::HistoryEntry> for Event {
    fn inward(entry: wire::HistoryEntry) -> Result<Self, Vec<Problem>> {
        required("event", entry.event.into_option())
    }
}

impl Inward<wire::GetMessageHistoryResponse> for MessageHistory {
    fn inward(history: wire::GetMessageHistoryResponse) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            events: each("entries", history.entries)?,
            truncated: history.truncated,
        })
    }
}

impl Outward for EventSearch {
    type Wire = wire::FindEventsRequest;

    fn outward(self) -> wire::FindEventsRequest {
        let happenings = self.happenings.into_iter();
        wire::FindEventsRequest {
            queue: self.queue.unwrap_or_default(),
            happenings: happenings.map(|what| to_happening(what).into()).collect(),
            owner: self.owner.unwrap_or_default(),
            error_code: self.error_code.unwrap_or_default(),
            since_unix_ms: self.since.unwrap_or_default(),
            until_unix_ms: self.until.unwrap_or_default(),
            cursor: self.cursor.to_vec(),
            limit: self.limit,
            ..Default::default()
        }
    }
}

impl Inward<wire::FindEventsRequest> for EventSearch {
    fn inward(request: wire::FindEventsRequest) -> Result<Self, Vec<Problem>> {
        let happenings = request.happenings.iter().enumerate().map(|(index, what)| {
            let field = format!("happenings[{index}]");
            required(&field, what.as_known().and_then(of_happening))
        });
        Ok(Self {
            happenings: happenings.collect::<Result<_, _>>()?,
            queue: some(request.queue),
            owner: some(request.owner),
            error_code: some(request.error_code),
            since: some(request.since_unix_ms),
            until: some(request.until_unix_ms),
            cursor: request.cursor.into(),
            limit: some(request.limit).unwrap_or(PAGE),
        })
    }
}

impl Outward for FoundEvents {
    type Wire = wire::FindEventsResponse;

    fn outward(self) -> wire::FindEventsResponse {
        wire::FindEventsResponse {
            events: all(self.events),
            next_cursor: self.next.unwrap_or_default().to_vec(),
            ..Default::default()
        }
    }
}

impl Inward<wire::FindEventsResponse> for FoundEvents {
    fn inward(found: wire::FindEventsResponse) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            events: each("events", found.events)?,
            next: some(found.next_cursor).map(Into::into),
        })
    }
}
