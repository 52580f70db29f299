//! The messages to and from those who call the service over its queue.

use buffa::{Message, MessageName};
use bytes::Bytes;
use clock::Timestamp;
use errors::Error;
use proto::base::v1::{self as base, Envelope};
use proto::optimus::v1 as wire;
use proto::timestone::v1 as queue;
use serde::{Deserialize, Serialize};
use timestone::LeasedMessage;
use timestone::limits::MAX_QUEUE_NAME_BYTES;
use timestone_client::envelope::{self, EnvelopeError};
use timestone_client::names;

use crate::caller::Caller;
use crate::error;
use crate::limits::{MAX_KEY_BYTES, MAX_REASON_CHARS, MAX_RESPONSE_BYTES};
use crate::record::Record;
use crate::view::StageState;

/// Who waits for the end of a request that came as a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    /// The queue that is told.
    pub(crate) reply_to: String,
    /// What the caller wants it for.
    pub(crate) correlation_id: String,
}

/// A message of the queue of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Call(Box<AskedCall>),
    /// The key of the call that shall end, and why.
    Cancel {
        key: String,
        reason: String,
    },
}

/// A call with the request it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedCall {
    pub(crate) call: Call,
    pub(crate) caller: Caller,
    pub(crate) priority: i64,
    pub(crate) deadline: Option<Timestamp>,
    method: String,
    request_type: String,
    request: Vec<u8>,
}

/// A message that makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Senseless {
    pub(crate) error: Error,
    /// What the caller is told, if the message says who that is.
    pub(crate) answer: Option<queue::NewMessage>,
}

impl AskedCall {
    /// Two requests with the same key are one. It differs from every key that a
    /// caller outside can choose.
    pub(crate) fn key(&self) -> String {
        key(&self.caller.tenant, &self.call.id)
    }

    /// The request that is made by `method`.
    pub(crate) fn request<M: Message + MessageName>(&self, method: &str) -> Result<M, Error> {
        if (self.method.as_str(), self.request_type.as_str()) != (method, M::FULL_NAME) {
            return Err(error::other_method(
                (&self.method, &self.request_type),
                (method, M::FULL_NAME),
            ));
        }
        M::decode_from_slice(&self.request).map_err(error::request_malformed)
    }

    /// The answer that no request came of it.
    pub(crate) fn refusal(&self, error: Error) -> queue::NewMessage {
        Answer {
            call: &self.call,
            caller: &self.caller,
            priority: self.priority,
            request_id: "",
            result: Err(error),
        }
        .message()
    }
}

fn key(tenant: &str, call: &str) -> String {
    ids::derived([tenant.as_bytes(), b"call", call.as_bytes()])
}

/// Reads a message of the queue of calls.
pub(crate) fn asked(message: &LeasedMessage) -> Result<Asked, Senseless> {
    let envelope = envelope::of_payload(&message.payload).map_err(|problem| Senseless {
        error: malformed(problem),
        answer: None,
    })?;
    match envelope::holds::<wire::CancelCall>(&envelope) {
        true => cancel(&envelope).map_err(|error| Senseless {
            error,
            answer: None,
        }),
        false => call(&message.token.key.id, envelope),
    }
}

fn malformed(problem: EnvelopeError) -> Error {
    Error::user("MALFORMED_CALL", problem.to_string())
        .hint("call through the client that is generated from the service's contract")
}

fn cancel(envelope: &Envelope) -> Result<Asked, Error> {
    let cancel: wire::CancelCall = envelope::open(envelope).map_err(malformed)?;
    Ok(Asked::Cancel {
        key: key(&envelope.tenant, &cancel.call_id),
        reason: cancel.reason.chars().take(MAX_REASON_CHARS).collect(),
    })
}

fn call(id: &str, envelope: Envelope) -> Result<Asked, Senseless> {
    let opened = envelope::open::<wire::ServiceCall>(&envelope).map_err(malformed);
    let mut asked = addressed(id, envelope)?;
    match opened {
        Ok(call) => {
            asked.method = call.method;
            asked.request_type = call.r#type;
            asked.request = call.request;
            Ok(Asked::Call(asked))
        }
        Err(error) => Err(Senseless {
            answer: Some(asked.refusal(error.clone())),
            error,
        }),
    }
}

/// The call as its envelope tells it. One that cannot be answered is not taken.
fn addressed(id: &str, envelope: Envelope) -> Result<Box<AskedCall>, Senseless> {
    let problem = match (id.len(), envelope.reply_to.len()) {
        (1..=MAX_KEY_BYTES, 1..=MAX_QUEUE_NAME_BYTES) => None,
        (1..=MAX_KEY_BYTES, 0) => Some(error::no_reply_queue()),
        (1..=MAX_KEY_BYTES, _) => Some(error::reply_queue_too_long(MAX_QUEUE_NAME_BYTES)),
        _ => Some(error::call_id_too_long(MAX_KEY_BYTES)),
    };
    if let Some(error) = problem {
        return Err(Senseless {
            error,
            answer: None,
        });
    }
    let deadline = envelope.deadline_unix_ms;
    Ok(Box::new(AskedCall {
        call: Call {
            id: id.to_owned(),
            reply_to: envelope.reply_to,
            correlation_id: envelope.correlation_id,
        },
        caller: Caller {
            tenant: envelope.tenant,
            principal: envelope.principal,
            traceparent: envelope.traceparent,
            is_role: true,
        },
        priority: envelope.priority,
        deadline: (deadline != 0).then(|| Timestamp::from_unix_ms(deadline)),
        method: String::new(),
        request_type: String::new(),
        request: Vec::new(),
    }))
}

/// Turns an encoded response into the JSON that callers read.
pub(crate) type ToJson = fn(&[u8]) -> Result<Bytes, Error>;

/// The JSON of an encoded response.
pub(crate) fn to_json<M: Message + Serialize>(response: &[u8]) -> Result<Bytes, Error> {
    let response = M::decode_from_slice(response).map_err(error::response_unreadable)?;
    let json = serde_json::to_vec(&response).map_err(error::response_unreadable)?;
    match json.len() <= MAX_RESPONSE_BYTES {
        true => Ok(json.into()),
        false => Err(error::response_too_large(json.len(), MAX_RESPONSE_BYTES)),
    }
}

/// What the caller is told of a request that has ended; `None` when nobody called, or it
/// has not ended.
pub(crate) fn answer(service: &str, record: &Record, to_json: ToJson) -> Option<queue::NewMessage> {
    let call = record.meta.call.as_ref().filter(|_| record.is_final())?;
    let result = match record.error() {
        Some(error) => Err(error),
        None => to_json(&record.answer),
    };
    let answer = Answer {
        call,
        caller: &record.meta.caller(),
        priority: record.meta.priority,
        request_id: &record.id,
        result: result.map_err(|error| error::of_request(error, service, &record.id)),
    };
    Some(answer.message())
}

struct Answer<'a> {
    call: &'a Call,
    caller: &'a Caller,
    priority: i64,
    request_id: &'a str,
    result: Result<Bytes, Error>,
}

impl Answer<'_> {
    fn message(self) -> queue::NewMessage {
        let (result, error) = match self.result {
            Ok(json) => (Some(blob::Value::inline(json)), None),
            Err(error) => (None, Some(error::cut(error))),
        };
        let body = wire::CallResult {
            call_id: self.call.id.clone(),
            result: result.map(base::Value::from).into(),
            error: error.map(base::Error::from).into(),
            request_id: self.request_id.to_owned(),
            ..Default::default()
        };
        queue::NewMessage {
            id: names::result_id(&self.call.id),
            ..to_caller(self.call, self.caller, self.priority, envelope::seal(&body))
        }
    }
}

fn to_caller(call: &Call, caller: &Caller, priority: i64, sealed: Envelope) -> queue::NewMessage {
    let envelope = Envelope {
        tenant: caller.tenant.clone(),
        principal: caller.principal.clone(),
        traceparent: caller.traceparent.clone(),
        priority,
        correlation_id: call.correlation_id.clone(),
        ..sealed
    };
    queue::NewMessage {
        queue: call.reply_to.clone(),
        payload: envelope.into(),
        priority,
        ..Default::default()
    }
}

/// Tells the caller how far a running request is; `None` when nobody called, or nothing
/// was heard of its workflow.
pub(crate) fn progress(record: &Record) -> Option<queue::NewMessage> {
    let is_telling = !record.is_final() && !record.event.is_empty();
    let call = record.meta.call.as_ref().filter(|_| is_telling)?;
    let body = wire::CallProgress {
        call_id: call.id.clone(),
        fraction: fraction(&record.event),
        ..Default::default()
    };
    let caller = record.meta.caller();
    Some(queue::NewMessage {
        id: names::progress_id(&call.id, record.meta.version),
        ..to_caller(call, &caller, record.meta.priority, envelope::seal(&body))
    })
}

/// How far a workflow is, each node taken for as much as any other.
fn fraction(event: &[u8]) -> f64 {
    let stages = super::stages_of(event);
    let parts = stages.iter().map(|stage| match stage.state {
        StageState::Succeeded | StageState::Skipped => 1.0,
        _ if stage.total == 0 => 0.0,
        _ => (stage.done as f64 + stage.in_flight) / stage.total as f64,
    });
    parts.fold(0.0, |sum, part| sum + part) / stages.len().max(1) as f64
}

#[cfg(test)]
mod tests;
