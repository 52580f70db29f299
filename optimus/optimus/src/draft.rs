use std::collections::BTreeMap;

use blob::Value;
use buffa::Message;
use bytes::Bytes;
use clock::Timestamp;
use errors::Error;

use crate::caller::Caller;
use crate::core::Submission;
use crate::error;
use crate::limits::{MAX_KEY_BYTES, MAX_REQUEST_BYTES};
use crate::record::Record;
use crate::service::Checked;
use crate::versions::Pins;
use crate::wire;
use crate::wire::calls::{AskedCall, Call};

/// A checked request before its input is made.
pub(crate) struct Draft<R> {
    pub(crate) request: R,
    encoded: Bytes,
    caller: Caller,
    fingerprint: String,
    /// Hash of tenant and idempotency key, or of tenant and call.
    pub(crate) key: Option<String>,
    /// Of the versions of functions.
    pub(crate) channel: String,
    call: Option<Call>,
    attributes: BTreeMap<String, String>,
    priority: Option<i64>,
    deadline: Option<Timestamp>,
}

impl<R: Message> Draft<R> {
    /// Refused when it is too large to keep.
    pub(crate) fn new(caller: &Caller, checked: Checked<R>) -> Result<Self, Vec<Error>> {
        let encoded = checked.request.encode_to_bytes();
        let key = checked.idempotency_key.filter(|key| !key.is_empty());
        let problems = [
            oversized("request", encoded.len()),
            too_long(key.as_deref()),
        ];
        let problems: Vec<Error> = problems.into_iter().flatten().collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            request: checked.request,
            encoded,
            key: key.map(|key| ids::derived([caller.tenant.as_bytes(), key.as_bytes()])),
            channel: checked.channel,
            call: None,
            caller: caller.clone(),
            fingerprint: checked.fingerprint,
            attributes: checked.attributes,
            priority: checked.priority,
            deadline: checked.deadline,
        })
    }

    /// The same, made by a call: its id stands for the request's own key, and its
    /// priority and deadline for those of nobody in particular.
    pub(crate) fn of_call(self, asked: &AskedCall) -> Self {
        Self {
            key: Some(asked.key()),
            call: Some(asked.call.clone()),
            priority: Some(asked.priority),
            deadline: self.deadline.into_iter().chain(asked.deadline).min(),
            ..self
        }
    }

    /// The id of the request with the same key, if it asks for the same.
    pub(crate) fn same(&self, record: &Record) -> Result<String, Error> {
        record.same_as(&self.fingerprint).map(|id| id.to_string())
    }

    /// The whole request, under its id.
    pub(crate) fn submission(
        self,
        id: String,
        definition: String,
        input: Value,
        pins: Pins,
    ) -> Result<Submission, Vec<Error>> {
        let bytes = wire::encoded_len(&input);
        if let Some(problem) = oversized("workflow's input", bytes) {
            return Err(vec![problem]);
        }
        Ok(Submission {
            id,
            caller: self.caller,
            definition,
            request: self.encoded,
            input,
            pins,
            fingerprint: self.fingerprint,
            key: self.key,
            call: self.call,
            attributes: self.attributes,
            priority: self.priority,
            deadline: self.deadline,
        })
    }
}

fn oversized(what: &str, bytes: usize) -> Option<Error> {
    (bytes > MAX_REQUEST_BYTES).then(|| error::too_large(what, bytes, MAX_REQUEST_BYTES))
}

fn too_long(key: Option<&str>) -> Option<Error> {
    let too_long = key.is_some_and(|key| key.len() > MAX_KEY_BYTES);
    too_long.then(|| error::key_too_long(MAX_KEY_BYTES))
}
