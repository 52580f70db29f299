//! An outbox row: a length, a header as JSON of that length, the payload.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::StoreError;
use timestone::{MessageKey, NewMessage};

use super::{corrupt, of_json, to_json};

/// Something to be asked of Timestone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Enqueue(NewMessage),
    Cancel {
        key: MessageKey,
        reason: String,
    },
    /// Tells the service, or the workflow, that works on `call` to stop.
    CancelCall {
        call: String,
        message: NewMessage,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Enqueue {
        queue: String,
        id: String,
        priority: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
        /// The call that the message cancels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancels: Option<String>,
    },
    Cancel {
        queue: String,
        id: String,
        reason: String,
    },
}

impl Row {
    pub(crate) fn encode(&self) -> Bytes {
        let (header, payload) = match self {
            Self::Enqueue(message) => (of_message(message, None), message.payload.clone()),
            Self::CancelCall { call, message } => {
                (of_message(message, Some(call)), message.payload.clone())
            }
            Self::Cancel { key, reason } => (of_cancel(key, reason), Bytes::new()),
        };
        let header = to_json(&header);
        let length = u32::try_from(header.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        [&length[..], &header, &payload].concat().into()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, StoreError> {
        let short = || corrupt("outbox row", "it is cut short");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (header, payload) = rest.split_at_checked(length).ok_or_else(short)?;
        let payload = bytes.slice_ref(payload);
        Ok(row(of_json("outbox row", header)?, payload))
    }
}

fn of_message(message: &NewMessage, cancels: Option<&String>) -> Header {
    Header::Enqueue {
        queue: message.queue.clone(),
        id: message.id.clone(),
        priority: message.priority,
        not_after: message.not_after,
        reply_to: message.reply_to.clone(),
        cancels: cancels.cloned(),
    }
}

fn of_cancel(key: &MessageKey, reason: &str) -> Header {
    Header::Cancel {
        queue: key.queue.clone(),
        id: key.id.clone(),
        reason: reason.to_owned(),
    }
}

fn row(header: Header, payload: Bytes) -> Row {
    match header {
        Header::Enqueue {
            queue,
            id,
            priority,
            not_after,
            reply_to,
            cancels,
        } => {
            let message = NewMessage {
                queue,
                id,
                priority,
                not_after,
                reply_to,
                payload,
                ..NewMessage::default()
            };
            match cancels {
                None => Row::Enqueue(message),
                Some(call) => Row::CancelCall { call, message },
            }
        }
        Header::Cancel { queue, id, reason } => Row::Cancel {
            key: MessageKey { queue, id },
            reason,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_read_back() {
        let message = NewMessage {
            queue: "stratum/f".into(),
            id: "i".into(),
            payload: Bytes::from_static(b"\xff\x00payload"),
            priority: -3,
            not_after: Some(7),
            reply_to: Some("plato/s/0".into()),
            ..NewMessage::default()
        };
        let key = MessageKey {
            queue: "q".into(),
            id: "i".into(),
        };
        for row in [
            Row::Enqueue(message.clone()),
            Row::CancelCall {
                call: "c".into(),
                message,
            },
            Row::Cancel {
                key,
                reason: "over".into(),
            },
        ] {
            assert_eq!(Row::decode(&row.encode()).unwrap(), row);
        }
        assert!(Row::decode(&Bytes::from_static(&[0, 0, 0, 9, 1])).is_err());
    }
}
