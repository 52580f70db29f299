//! One message and its life.
//!
//! | from      | on                                   | to                | attempts |
//! |-----------|--------------------------------------|-------------------|----------|
//! | —         | enqueue                              | pending/invisible |          |
//! | —         | cancel (not yet seen)                | canceled          |          |
//! | invisible | its time has come                    | pending           |          |
//! | pending   | dequeue                              | running           | −1       |
//! | running   | extend                               | running           |          |
//! | running   | complete                             | completed         |          |
//! | running   | release, reply never taken           | pending           | (+1)     |
//! | running   | fail, attempts left                  | pending/invisible |          |
//! | running   | fail for good, or no attempts left   | errored           |          |
//! | running   | lease lapsed, or a new boot of owner | pending           |          |
//! | running   | the same with no attempts left       | errored           |          |
//! | any open  | cancel                               | canceled          |          |
//! | invisible, pending | reschedule                  | invisible/pending |          |
//! | errored   | redrive                              | pending           | restored |
//! | ended     | retention over                       | —                 |          |

use std::sync::Arc;

use bytes::Bytes;

use crate::details::Details;
use crate::id::Id;
use crate::name::Name;
use crate::{LeaseToken, MessageKey, MessageState, MessageView, Session};

/// A message without its payload. Millions are in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) queue: Name,
    pub(crate) id: Id,
    pub(crate) priority: i64,
    /// How long its payload is at most. The payload itself is not here.
    pub(crate) payload_bytes: u32,
    pub(crate) details: Details,
    pub(crate) attempts_left: u32,
    pub(crate) deliveries: u32,
    pub(crate) version: u64,
    /// What the newest worker that ended its delivery did, for repeated calls.
    pub(crate) settled: Option<Settled>,
    pub(crate) state: State,
}

/// Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Invisible { until: i64 },
    Pending,
    Running(Box<Lease>),
    Ended(End),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) session: Arc<Session>,
    pub(crate) request_id: Arc<str>,
    /// The number of the [take](crate::Taken) of that request; 0 = it has none.
    pub(crate) take: u64,
    pub(crate) nonce: u64,
    pub(crate) until: i64,
    /// How long the lease was first.
    pub(crate) lease_ms: u64,
    /// The longest it was ever extended by: what recovery grants.
    pub(crate) hold_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: Ending,
    pub(crate) forget_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Canceled,
    /// Canceled before it was enqueued: a tombstone.
    NeverSeen,
    Errored,
    /// Errored, and its payload went to a dead-letter queue.
    DeadLettered,
}

/// How a worker ended a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Completed,
    Failed,
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) delivery: u32,
    pub(crate) nonce: u64,
    pub(crate) act: Act,
}

impl State {
    pub(crate) fn kind(&self) -> MessageState {
        match self {
            Self::Invisible { .. } => MessageState::Invisible,
            Self::Pending => MessageState::Pending,
            Self::Running(_) => MessageState::Running,
            Self::Ended(end) => end.how.kind(),
        }
    }

    /// When time alone changes it.
    pub(crate) fn due(&self) -> Option<i64> {
        match self {
            Self::Invisible { until } => Some(*until),
            Self::Pending => None,
            Self::Running(lease) => Some(lease.until),
            Self::Ended(end) => Some(end.forget_at),
        }
    }

    pub(crate) fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Running(lease) => Some(lease),
            _ => None,
        }
    }
}

impl Ending {
    pub(crate) fn kind(self) -> MessageState {
        match self {
            Self::Completed => MessageState::Completed,
            Self::Canceled | Self::NeverSeen => MessageState::Canceled,
            Self::Errored | Self::DeadLettered => MessageState::Errored,
        }
    }
}

impl Message {
    pub(crate) fn key(&self) -> MessageKey {
        MessageKey {
            queue: self.queue.to_string(),
            id: self.id.to_string(),
        }
    }

    /// The proof of `lease`, which is this message's.
    pub(crate) fn token(&self, lease: &Lease) -> LeaseToken {
        LeaseToken {
            key: self.key(),
            delivery: self.deliveries,
            nonce: lease.nonce,
        }
    }

    /// Whether `token` is of the running delivery, and its time still runs.
    pub(crate) fn is_held_by(&self, token: &LeaseToken, now: i64) -> bool {
        self.state.lease().is_some_and(|lease| {
            lease.nonce == token.nonce && self.deliveries == token.delivery && lease.until > now
        })
    }

    /// Whether the worker with `token` did `act` before.
    pub(crate) fn was_settled_by(&self, token: &LeaseToken, act: Act) -> bool {
        self.settled
            == Some(Settled {
                delivery: token.delivery,
                nonce: token.nonce,
                act,
            })
    }

    /// All but the payload.
    pub(crate) fn view(&self) -> MessageView {
        let lease = self.state.lease();
        let until = match &self.state {
            State::Ended(_) => None,
            open => open.due(),
        };
        MessageView {
            key: self.key(),
            state: self.state.kind(),
            priority: self.priority,
            deliveries: self.deliveries,
            attempts_left: self.attempts_left,
            owner: lease.map(|lease| lease.session.owner.clone()),
            until,
            metadata: self.details.to_map(),
            version: self.version,
            error: self.details.error(),
            payload: Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With its place in the order (16 bytes) and its entry by id (16 bytes and the
    /// room that tables leave), a message that waits takes less than 200 bytes.
    #[test]
    fn a_message_that_waits_is_small() {
        assert!(size_of::<Message>() <= 112, "{}", size_of::<Message>());
        assert_eq!(size_of::<State>(), 16);
    }
}
