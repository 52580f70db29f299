//! Messages, tokens and views.

use buffa::Message;
use bytes::Bytes;
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use timestone::{
    LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView, NewMessage, QueueCount,
    Session,
};

use super::convert::{Inward, Outward, Problem, required};
use crate::envelope;

/// Payloads are opaque to the queue: what is no envelope travels as the body of one.
fn to_envelope(payload: &Bytes) -> Option<base::Envelope> {
    let wrap = |_| base::Envelope {
        body: payload.to_vec(),
        ..Default::default()
    };
    (!payload.is_empty()).then(|| envelope::of_payload(payload).unwrap_or_else(wrap))
}

fn of_envelope(payload: Option<base::Envelope>) -> Bytes {
    payload
        .as_ref()
        .map(envelope::to_payload)
        .unwrap_or_default()
}

pub(super) fn to_error(error: &Bytes) -> Option<base::Error> {
    base::Error::decode_from_slice(error).ok()
}

/// The queue keeps errors as they are encoded.
impl Inward<base::Error> for Bytes {
    fn inward(error: base::Error) -> Result<Self, Vec<Problem>> {
        Ok(error.encode_to_vec().into())
    }
}

impl Inward<base::Envelope> for Bytes {
    fn inward(payload: base::Envelope) -> Result<Self, Vec<Problem>> {
        Ok(envelope::to_payload(&payload))
    }
}

/// 0 and empty stand for none.
pub(super) fn some<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

impl Outward for NewMessage {
    type Wire = wire::NewMessage;

    fn outward(self) -> wire::NewMessage {
        wire::NewMessage {
            payload: Some(to_envelope(&self.payload).unwrap_or_default()).into(),
            queue: self.queue,
            id: self.id,
            priority: self.priority,
            metadata: self.metadata.into_iter().collect(),
            invisible_ms: self.invisible_ms,
            attempts: self.attempts.unwrap_or_default(),
            not_after_unix_ms: self.not_after.unwrap_or_default(),
            reply_to: self.reply_to.unwrap_or_default(),
            ..Default::default()
        }
    }
}

impl Inward<wire::NewMessage> for NewMessage {
    fn inward(message: wire::NewMessage) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queue: message.queue,
            id: message.id,
            payload: required("payload", message.payload.into_option())?,
            priority: message.priority,
            metadata: message.metadata.into_iter().collect(),
            invisible_ms: message.invisible_ms,
            attempts: some(message.attempts),
            not_after: some(message.not_after_unix_ms),
            reply_to: some(message.reply_to),
        })
    }
}

impl Outward for LeaseToken {
    type Wire = wire::LeaseToken;

    fn outward(self) -> wire::LeaseToken {
        wire::LeaseToken {
            queue: self.key.queue,
            message_id: self.key.id,
            delivery: self.delivery,
            nonce: self.nonce,
            ..Default::default()
        }
    }
}

impl Inward<wire::LeaseToken> for LeaseToken {
    fn inward(token: wire::LeaseToken) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            key: MessageKey {
                queue: token.queue,
                id: token.message_id,
            },
            delivery: token.delivery,
            nonce: token.nonce,
        })
    }
}

impl Outward for MessageKey {
    type Wire = wire::MessageKey;

    fn outward(self) -> wire::MessageKey {
        wire::MessageKey {
            queue: self.queue,
            id: self.id,
            ..Default::default()
        }
    }
}

impl Inward<wire::MessageKey> for MessageKey {
    fn inward(key: wire::MessageKey) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queue: key.queue,
            id: key.id,
        })
    }
}

impl Inward<wire::LeasedMessage> for LeasedMessage {
    fn inward(leased: wire::LeasedMessage) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            token: required("token", leased.token.into_option())?,
            payload: of_envelope(leased.payload.into_option()),
            priority: leased.priority,
            metadata: leased.metadata.into_iter().collect(),
            lease_until: leased.lease_until_unix_ms,
            lease_ms: leased.lease_ms,
            attempts_left: leased.attempts_left,
        })
    }
}

impl Outward for Session {
    type Wire = wire::Session;

    fn outward(self) -> wire::Session {
        wire::Session {
            owner: self.owner,
            boot: self.boot,
            ..Default::default()
        }
    }
}

impl Inward<wire::Session> for Session {
    fn inward(session: wire::Session) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            owner: session.owner,
            boot: session.boot,
        })
    }
}

impl Outward for QueueCount {
    type Wire = wire::QueueCount;

    fn outward(self) -> wire::QueueCount {
        wire::QueueCount {
            queue: self.queue,
            invisible: self.invisible,
            pending: self.pending,
            running: self.running,
            completed: self.completed,
            canceled: self.canceled,
            errored: self.errored,
            ..Default::default()
        }
    }
}

impl Inward<wire::QueueCount> for QueueCount {
    fn inward(count: wire::QueueCount) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queue: count.queue,
            invisible: count.invisible,
            pending: count.pending,
            running: count.running,
            completed: count.completed,
            canceled: count.canceled,
            errored: count.errored,
        })
    }
}

impl Outward for MessageView {
    type Wire = wire::MessageView;

    fn outward(self) -> wire::MessageView {
        wire::MessageView {
            payload: to_envelope(&self.payload).into(),
            error: self.error.as_ref().and_then(to_error).into(),
            key: Some(self.key.outward()).into(),
            state: to_state(self.state).into(),
            priority: self.priority,
            deliveries: self.deliveries,
            attempts_left: self.attempts_left,
            owner: self.owner.unwrap_or_default(),
            until_unix_ms: self.until.unwrap_or_default(),
            metadata: self.metadata.into_iter().collect(),
            version: self.version,
            ..Default::default()
        }
    }
}

impl Inward<wire::MessageView> for MessageView {
    fn inward(view: wire::MessageView) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            key: required("key", view.key.into_option())?,
            state: required("state", view.state.as_known().and_then(of_state))?,
            priority: view.priority,
            deliveries: view.deliveries,
            attempts_left: view.attempts_left,
            owner: some(view.owner),
            until: some(view.until_unix_ms),
            metadata: view.metadata.into_iter().collect(),
            version: view.version,
            error: view
                .error
                .into_option()
                .map(|error| error.encode_to_vec().into()),
            payload: of_envelope(view.payload.into_option()),
        })
    }
}

impl Inward<MessageState> for MessageState {
    fn inward(state: MessageState) -> Result<Self, Vec<Problem>> {
        Ok(state)
    }
}

pub(super) fn to_state(state: MessageState) -> wire::MessageState {
    match state {
        MessageState::Invisible => wire::MessageState::Invisible,
        MessageState::Pending => wire::MessageState::Pending,
        MessageState::Running => wire::MessageState::Running,
        MessageState::Completed => wire::MessageState::Completed,
        MessageState::Canceled => wire::MessageState::Canceled,
        MessageState::Errored => wire::MessageState::Errored,
    }
}

pub(super) fn of_state(state: wire::MessageState) -> Option<MessageState> {
    match state {
        wire::MessageState::Unspecified => None,
        wire::MessageState::Invisible => Some(MessageState::Invisible),
        wire::MessageState::Pending => Some(MessageState::Pending),
        wire::MessageState::Running => Some(MessageState::Running),
        wire::MessageState::Completed => Some(MessageState::Completed),
        wire::MessageState::Canceled => Some(MessageState::Canceled),
        wire::MessageState::Errored => Some(MessageState::Errored),
    }
}
