//! What is stored under the keys: one file for each kind of value.

pub(crate) mod log;
pub(crate) mod outbox;
pub(crate) mod process;

use std::sync::Arc;

use buffa::Message;
use bytes::Bytes;
use plato::{Entry, State, Value};
use proto::base::v1 as wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::StoreError;

/// Reads a stored value; one that cannot be read was not written by us.
fn corrupt(what: &str, problem: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(Arc::from(format!(
        "a stored {what} cannot be read: {problem}"
    )))
}

fn to_json<T: Serialize>(value: &T) -> Bytes {
    // Every record here is made of texts, numbers and lists of them.
    serde_json::to_vec(value).unwrap_or_default().into()
}

fn of_json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|problem| corrupt(what, problem))
}

pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    to_json(entry)
}

pub(crate) fn decode_entry(bytes: &[u8]) -> Result<Entry, StoreError> {
    of_json("journal entry", bytes)
}

pub(crate) fn encode_state(state: &State) -> Bytes {
    to_json(state)
}

pub(crate) fn decode_state(bytes: &[u8]) -> Result<State, StoreError> {
    of_json("state", bytes)
}

pub(crate) fn encode_rules(state: &plato_rules::State) -> Bytes {
    to_json(state)
}

pub(crate) fn decode_rules(bytes: &[u8]) -> Result<plato_rules::State, StoreError> {
    of_json("state of rules", bytes)
}

pub(crate) fn encode_rules_entry(entry: &plato_rules::Entry) -> Bytes {
    to_json(entry)
}

pub(crate) fn decode_rules_entry(bytes: &[u8]) -> Result<plato_rules::Entry, StoreError> {
    of_json("journal entry of rules", bytes)
}

pub(crate) fn encode_value(value: &Value) -> Bytes {
    wire::Value::from(value.clone()).encode_to_vec().into()
}

pub(crate) fn decode_value(bytes: &[u8]) -> Result<Value, StoreError> {
    let value = wire::Value::decode_from_slice(bytes);
    let value = value.map_err(|problem| corrupt("value", problem))?;
    Value::try_from(value).map_err(|problem| corrupt("value", problem))
}

/// How often a node has begun anew.
pub(crate) fn encode_run(run: u32) -> Bytes {
    Bytes::copy_from_slice(&run.to_be_bytes())
}

pub(crate) fn decode_run(bytes: &[u8]) -> Result<u32, StoreError> {
    let bytes = bytes
        .try_into()
        .map_err(|problem| corrupt("run", problem))?;
    Ok(u32::from_be_bytes(bytes))
}

pub(crate) fn encode_time(unix_ms: i64) -> Bytes {
    Bytes::copy_from_slice(&unix_ms.to_be_bytes())
}

pub(crate) fn decode_time(bytes: &[u8]) -> Result<i64, StoreError> {
    let bytes = bytes
        .try_into()
        .map_err(|problem| corrupt("time", problem))?;
    Ok(i64::from_be_bytes(bytes))
}
