//! Messages that are converted as they lie in a buffer: payloads are copied once, and the
//! envelope around them is never built.

use buffa::view::ViewEncode;
use buffa::{MapView, MessageFieldView, MessageView as _, SizeCache};
use bytes::{Bytes, BytesMut};
use connectrpc::PreEncoded;
use proto::base::v1::EnvelopeView;
use proto::timestone::v1 as wire;
use proto::timestone::v1::__buffa::oneof::exchange_response::Answer;
use proto::timestone::v1::__buffa::view::oneof::exchange_response::Answer as AnswerView;
use timestone::{LeasedMessage, NewMessage};

use super::convert::{Inward, Problem, required};
use super::message::some;

impl Inward<&EnvelopeView<'_>> for Bytes {
    fn inward(payload: &EnvelopeView<'_>) -> Result<Self, Vec<Problem>> {
        let mut sizes = SizeCache::default();
        let mut encoded = BytesMut::with_capacity(payload.compute_size(&mut sizes) as usize);
        payload.write_to(&mut sizes, &mut encoded);
        Ok(encoded.freeze())
    }
}

impl Inward<&wire::NewMessageView<'_>> for NewMessage {
    fn inward(message: &wire::NewMessageView<'_>) -> Result<Self, Vec<Problem>> {
        let pairs = message.metadata.iter();
        Ok(Self {
            queue: message.queue.to_owned(),
            id: message.id.to_owned(),
            payload: required("payload", message.payload.as_option())?,
            priority: message.priority,
            metadata: pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            invisible_ms: message.invisible_ms,
            attempts: some(message.attempts),
            not_after: some(message.not_after_unix_ms),
            reply_to: some(message.reply_to.to_owned()),
        })
    }
}

/// The answer that holds these messages.
pub fn dequeued(messages: &[LeasedMessage]) -> PreEncoded<wire::DequeueResponse> {
    PreEncoded::from_view(&wire::DequeueResponseView {
        messages: messages.iter().map(leased).collect(),
        ..Default::default()
    })
}

/// The answer to a server that holds these messages.
pub fn taken(messages: &[LeasedMessage]) -> PreEncoded<wire::TakeResponse> {
    PreEncoded::from_view(&wire::TakeResponseView {
        messages: messages.iter().map(leased).collect(),
        ..Default::default()
    })
}

/// The part of a stream that holds these messages.
pub fn sent(messages: &[LeasedMessage]) -> PreEncoded<wire::SubscribeResponse> {
    PreEncoded::from_view(&wire::SubscribeResponseView {
        messages: messages.iter().map(leased).collect(),
        ..Default::default()
    })
}

/// The answer to a call over an exchange that holds these messages.
pub fn exchanged_leases(
    number: u64,
    messages: &[LeasedMessage],
) -> PreEncoded<wire::ExchangeResponse> {
    let answer = wire::DequeueResponseView {
        messages: messages.iter().map(leased).collect(),
        ..Default::default()
    };
    PreEncoded::from_view(&wire::ExchangeResponseView {
        number,
        answer: Some(AnswerView::Dequeue(Box::new(answer))),
        ..Default::default()
    })
}

/// Another answer to a call over an exchange.
pub fn exchanged(number: u64, answer: Answer) -> PreEncoded<wire::ExchangeResponse> {
    PreEncoded::from_message(&wire::ExchangeResponse {
        number,
        answer: Some(answer),
        ..Default::default()
    })
}

fn leased(message: &LeasedMessage) -> wire::LeasedMessageView<'_> {
    let token = &message.token;
    let pairs = message.metadata.iter();
    wire::LeasedMessageView {
        token: MessageFieldView::set(wire::LeaseTokenView {
            message_id: &token.key.id,
            queue: &token.key.queue,
            delivery: token.delivery,
            nonce: token.nonce,
            ..Default::default()
        }),
        payload: envelope(&message.payload),
        priority: message.priority,
        metadata: MapView::new(pairs.map(|(k, v)| (k.as_str(), v.as_str())).collect()),
        lease_until_unix_ms: message.lease_until,
        lease_ms: message.lease_ms,
        attempts_left: message.attempts_left,
        ..Default::default()
    }
}

/// Payloads are opaque to the queue: what is no envelope travels as the body of one.
fn envelope(payload: &[u8]) -> MessageFieldView<EnvelopeView<'_>> {
    if payload.is_empty() {
        return MessageFieldView::unset();
    }
    let wrap = |_| EnvelopeView {
        body: payload,
        ..Default::default()
    };
    MessageFieldView::set(EnvelopeView::decode_view(payload).unwrap_or_else(wrap))
}
