//! What the store remembers: one drawer per record.
//!
//! | key                    | value                                   |
//! |------------------------|-----------------------------------------|
//! | `b` sequence (8 bytes) | the payload, written once, as it came   |
//! | `e` sequence (8 bytes) | [`errand`]: for a queue elsewhere       |
//! | `m` sequence (8 bytes) | [`head`]: all else of a message         |
//! | `q` name               | [`config`]: a queue that was configured |
//!
//! The sequence is the order of enqueueing, so order survives a restart. Heads
//! are rewritten with each transition; payloads, the larger part, are not, and
//! are read only when somebody needs them.

mod codec;
pub(crate) mod config;
pub(crate) mod errand;
pub(crate) mod head;

pub(crate) use config::StoredQueue;

use bytes::Bytes;

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a damaged {what} record: {problem}")]
pub struct RecordError {
    pub what: &'static str,
    pub problem: &'static str,
}

/// A record by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordKey {
    Body(u64),
    Errand(u64),
    Head(u64),
    Config(String),
}

impl RecordKey {
    /// What the keys begin with that recovery reads.
    pub(crate) const RECOVERED: [&'static [u8]; 3] = [b"q", b"m", b"e"];

    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Self::Body(sequence) => numbered(b'b', *sequence),
            Self::Errand(sequence) => numbered(b'e', *sequence),
            Self::Head(sequence) => numbered(b'm', *sequence),
            Self::Config(name) => [b"q", name.as_bytes()].concat().into(),
        }
    }

    pub(crate) fn decode(key: &[u8]) -> Result<Self, RecordError> {
        match key.split_first() {
            Some((b'b', rest)) => Ok(Self::Body(number(rest)?)),
            Some((b'e', rest)) => Ok(Self::Errand(number(rest)?)),
            Some((b'm', rest)) => Ok(Self::Head(number(rest)?)),
            Some((b'q', rest)) => Ok(Self::Config(name(rest)?)),
            _ => Err(key_error("of no known kind")),
        }
    }
}

fn numbered(kind: u8, sequence: u64) -> Bytes {
    let mut key = Vec::with_capacity(9);
    key.push(kind);
    key.extend(sequence.to_be_bytes());
    key.into()
}

fn number(rest: &[u8]) -> Result<u64, RecordError> {
    let bytes = rest.try_into().map_err(|_| key_error("not 8 bytes long"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn name(rest: &[u8]) -> Result<String, RecordError> {
    String::from_utf8(rest.to_vec()).map_err(|_| key_error("not UTF-8"))
}

fn key_error(problem: &'static str) -> RecordError {
    RecordError {
        what: "key",
        problem,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn any_key() -> impl Strategy<Value = RecordKey> {
        prop_oneof![
            any::<u64>().prop_map(RecordKey::Body),
            any::<u64>().prop_map(RecordKey::Errand),
            any::<u64>().prop_map(RecordKey::Head),
            ".{0,20}".prop_map(RecordKey::Config),
        ]
    }

    proptest! {
        #[test]
        fn keys_survive(key in any_key()) {
            prop_assert_eq!(RecordKey::decode(&key.encode()).unwrap(), key);
        }

        #[test]
        fn keys_sort_by_sequence(a: u64, b: u64) {
            let (x, y) = (RecordKey::Head(a).encode(), RecordKey::Head(b).encode());
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }

        #[test]
        fn any_bytes_are_a_key_or_an_error(key: Vec<u8>) {
            let _ = RecordKey::decode(&key);
        }
    }
}
