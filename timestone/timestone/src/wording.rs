use bytes::Bytes;

use crate::{MessageKey, MessageState};

/// Puts the machine's own ends of messages into the words of the wire, which it
/// does not know itself.
pub trait Wording: Send + Sync {
    /// An encoded `base.v1.Error`.
    fn error(&self, key: &MessageKey, cause: Cause<'_>) -> Bytes;

    /// The payload of the message that tells `reply_to`.
    fn terminated(&self, notice: &Notice<'_>) -> Bytes;
}

/// Why a message ended without its worker.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    Canceled {
        reason: &'a str,
    },
    /// Every delivery allowed was made.
    AttemptsUsedUp {
        deliveries: u32,
        /// The newest failure: an encoded `base.v1.Error`.
        last: Option<&'a Bytes>,
    },
}

/// The end of a message, as its `reply_to` is told.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    pub key: &'a MessageKey,
    pub state: MessageState,
    /// An encoded `base.v1.Error`.
    pub error: &'a Bytes,
    pub deliveries: u32,
    /// What the message carried.
    pub payload: &'a Bytes,
}
