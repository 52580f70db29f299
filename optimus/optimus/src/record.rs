use std::sync::Arc;

use buffa::Message;
use bytes::Bytes;
use clock::Timestamp;
use errors::Error;
use proto::base::v1 as base;
use serde::{Deserialize, Serialize};
use store::Batch;

use crate::caller::Caller;
use crate::error;
use crate::keys;
use crate::view::State;
use crate::wire::calls::Call;
use crate::wire::{self, Event, Told};

/// Everything that is remembered of one request. Immutable: a change makes a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: Arc<str>,
    pub(crate) meta: Meta,
    /// The service's request, encoded.
    pub(crate) request: Bytes,
    /// The newest workflow event, encoded; empty before the first.
    pub(crate) event: Bytes,
    /// Once ended: the service's response, or an error unless it succeeded.
    pub(crate) answer: Bytes,
}

/// The part of a request that changes, and what is looked up by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Position in the listing.
    pub(crate) ordinal: u64,
    pub(crate) state: State,
    /// The workflow has succeeded and its result is being brought to its place.
    pub(crate) finishing: bool,
    /// Of the newest workflow event.
    pub(crate) sequence: u64,
    pub(crate) version: u64,
    pub(crate) created_unix_ms: i64,
    pub(crate) updated_unix_ms: i64,
    /// The queue its workflow listens to.
    pub(crate) inbox: String,
    pub(crate) priority: i64,
    pub(crate) tenant: String,
    pub(crate) principal: String,
    pub(crate) traceparent: String,
    pub(crate) fingerprint: String,
    /// Hash of tenant and idempotency key, or of tenant and call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Who waits for its end, where it came as a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<Call>,
}

impl Record {
    pub(crate) fn is_final(&self) -> bool {
        self.meta.state.is_final()
    }

    /// The id of this request, for one of the same idempotency key that asks for the
    /// same; an error if it asks for something else.
    pub(crate) fn same_as(&self, fingerprint: &str) -> Result<Arc<str>, Error> {
        match self.meta.fingerprint == fingerprint {
            true => Ok(Arc::clone(&self.id)),
            false => Err(error::key_reused(&self.id)),
        }
    }

    /// The error of a request that failed or was canceled.
    pub(crate) fn error(&self) -> Option<Error> {
        matches!(self.meta.state, State::Failed | State::Canceled)
            .then(|| decode_error(&self.answer))
    }

    /// The record after `event`; `None` when it tells nothing new.
    pub(crate) fn on_event(&self, event: &Event, now: Timestamp) -> Option<Self> {
        if !self.is_news(event) && !self.is_retry(event) {
            return None;
        }
        let mut next = self.changed(now);
        next.answer = Bytes::new();
        next.meta.sequence = event.sequence;
        if !event.encoded.is_empty() {
            next.event = event.encoded.clone();
        }
        match &event.told {
            Told::Running => next.meta.state = State::Running,
            Told::Succeeded => next.finishing(),
            Told::Failed(error) => next.end(State::Failed, encode_error(error)),
            Told::Canceled(error) => next.end(State::Canceled, encode_error(error)),
            Told::NeverStarted(error) => next.end(State::Failed, encode_error(error)),
        }
        Some(next)
    }

    /// A later event wins; nothing follows success or an end; a start that got
    /// lost matters only if nothing was heard of the workflow.
    fn is_news(&self, event: &Event) -> bool {
        let settled = self.is_final() || self.meta.finishing;
        match event.told {
            Told::NeverStarted(_) => !settled && self.event.is_empty(),
            _ => !settled && (event.sequence > self.meta.sequence || self.event.is_empty()),
        }
    }

    /// A workflow that failed goes on when it is told to, and its request with it. Nothing
    /// follows an end that was not the workflow's own, or that a caller has heard of.
    fn is_retry(&self, event: &Event) -> bool {
        self.meta.state == State::Failed
            && self.meta.call.is_none()
            && event.sequence > self.meta.sequence
            && wire::tells_failure(&self.event)
    }

    /// The record after a cancellation; `None` when it is too late for one.
    pub(crate) fn on_cancel(&self, reason: &str, now: Timestamp) -> Option<Self> {
        if self.is_final() || self.meta.finishing {
            return None;
        }
        let mut next = self.changed(now);
        next.end(State::Canceled, encode_error(&Error::canceled(reason)));
        Some(next)
    }

    /// The record after its result was brought to its place, or could not be;
    /// `None` when nobody was doing so.
    pub(crate) fn on_finished(
        &self,
        result: &Result<Bytes, Error>,
        now: Timestamp,
    ) -> Option<Self> {
        if self.is_final() || !self.meta.finishing {
            return None;
        }
        let mut next = self.changed(now);
        match result {
            Ok(response) => next.end(State::Succeeded, response.clone()),
            Err(error) => next.end(State::Failed, encode_error(error)),
        }
        Some(next)
    }

    fn changed(&self, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.meta.version += 1;
        next.meta.updated_unix_ms = now.unix_ms();
        next
    }

    fn finishing(&mut self) {
        self.meta.state = State::Running;
        self.meta.finishing = true;
    }

    fn end(&mut self, state: State, answer: Bytes) {
        self.meta.state = state;
        self.meta.finishing = false;
        self.answer = answer;
    }

    /// The rows of a new request.
    pub(crate) fn insert(&self, batch: &mut Batch) {
        let id = || Bytes::copy_from_slice(self.id.as_bytes());
        batch
            .put(keys::meta(&self.id), self.meta.encode())
            .put(keys::request(&self.id), self.request.clone())
            .put(keys::active(&self.id), Bytes::new())
            .put(keys::listing(self.meta.ordinal), id());
        if let Some(key) = &self.meta.key {
            batch.put(keys::idempotency(key), id());
        }
    }

    /// The rows that differ from those of `before`.
    pub(crate) fn update(&self, before: &Self, batch: &mut Batch) {
        batch.put(keys::meta(&self.id), self.meta.encode());
        if self.event != before.event {
            batch.put(keys::event(&self.id), self.event.clone());
        }
        match (before.is_final(), self.is_final()) {
            (_, true) => batch
                .put(keys::answer(&self.id), self.answer.clone())
                .delete(keys::active(&self.id)),
            (true, false) => batch
                .put(keys::active(&self.id), Bytes::new())
                .delete(keys::answer(&self.id)),
            (false, false) => batch,
        };
    }
}

impl Meta {
    /// On whose behalf the work is done.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            tenant: self.tenant.clone(),
            principal: self.principal.clone(),
            traceparent: self.traceparent.clone(),
            is_role: self.call.is_some(),
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        // Strings, numbers and unit variants: nothing that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

fn encode_error(error: &Error) -> Bytes {
    base::Error::from(error.clone()).encode_to_bytes()
}

fn decode_error(bytes: &[u8]) -> Error {
    match base::Error::decode_from_slice(bytes) {
        Ok(error) => error.into(),
        Err(problem) => Error::platform(
            "ANSWER_UNREADABLE",
            format!("the error kept with the request cannot be read: {problem}"),
        ),
    }
}
