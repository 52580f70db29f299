use std::sync::Arc;

use bytes::Bytes;
use errors::Error;
use tokio::sync::oneshot;

use crate::core::{Sent, Submission};
use crate::record::Record;
use crate::wire::Event;

/// Where the outcome of a command goes; nobody may be listening any more.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the owner is asked to do. It is answered when it is on stable storage.
pub(crate) enum Command {
    Submit {
        submission: Box<Submission>,
        reply: Reply<Arc<str>>,
    },
    Cancel {
        id: String,
        reason: String,
        reply: Reply<Arc<Record>>,
    },
    /// From the intake: the call of this key shall end.
    CancelCall {
        key: String,
        reason: String,
        reply: Reply<()>,
    },
    /// From the consumer.
    Events {
        events: Vec<Event>,
        reply: Reply<()>,
    },
    /// From the finisher.
    Finished {
        id: Arc<str>,
        result: Result<Bytes, Error>,
    },
    /// From the relay.
    Sent(Vec<Sent>),
}

impl Command {
    /// Answers that nothing was done.
    pub(crate) fn refuse(self, error: Error) {
        match self {
            Self::Submit { reply, .. } => drop(reply.send(Err(error))),
            Self::Cancel { reply, .. } => drop(reply.send(Err(error))),
            Self::CancelCall { reply, .. } => drop(reply.send(Err(error))),
            Self::Events { reply, .. } => drop(reply.send(Err(error))),
            Self::Finished { .. } | Self::Sent(_) => {}
        }
    }
}
