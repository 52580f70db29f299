//! The payload of a message, as it came.

use bytes::Bytes;

pub(crate) fn encode(payload: &Bytes) -> Bytes {
    payload.clone()
}

pub(crate) fn decode(value: Bytes) -> Bytes {
    value
}
