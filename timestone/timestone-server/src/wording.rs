use buffa::Message;
use bytes::Bytes;
use errors::{Class, Error};
use proto::base::v1::{self as base, Envelope};
use proto::timestone::v1 as wire;
use timestone::{Cause, MessageKey, MessageState, Notice, Wording};
use timestone_client::envelope;

/// Tells ends in `base.v1.Error` and `timestone.v1.Terminated`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProtoWording;

impl Wording for ProtoWording {
    fn error(&self, key: &MessageKey, cause: Cause<'_>) -> Bytes {
        let error = match cause {
            Cause::Canceled { reason } => canceled(key, reason),
            Cause::AttemptsUsedUp { deliveries, last } => used_up(key, deliveries, last),
        };
        base::Error::from(error).encode_to_vec().into()
    }

    fn terminated(&self, notice: &Notice<'_>) -> Bytes {
        let original = envelope::of_payload(notice.payload).unwrap_or_default();
        let correlation_id = match original.correlation_id.is_empty() {
            true => notice.key.id.clone(),
            false => original.correlation_id,
        };
        envelope::to_payload(&Envelope {
            correlation_id,
            tenant: original.tenant,
            principal: original.principal,
            traceparent: original.traceparent,
            deadline_unix_ms: original.deadline_unix_ms,
            priority: original.priority,
            ..envelope::seal(&terminated(notice))
        })
    }
}

fn terminated(notice: &Notice<'_>) -> wire::Terminated {
    let state = match notice.state {
        MessageState::Canceled => wire::MessageState::Canceled,
        _ => wire::MessageState::Errored,
    };
    wire::Terminated {
        queue: notice.key.queue.clone(),
        message_id: notice.key.id.clone(),
        state: state.into(),
        error: base::Error::decode_from_slice(notice.error).ok().into(),
        deliveries: notice.deliveries,
        ..Default::default()
    }
}

fn canceled(key: &MessageKey, reason: &str) -> Error {
    let because = match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let MessageKey { queue, id } = key;
    Error::canceled(format!("message {id} in {queue} was canceled{because}"))
}

fn used_up(key: &MessageKey, deliveries: u32, last: Option<&Bytes>) -> Error {
    let MessageKey { queue, id } = key;
    let error = Error::new(
        Class::Platform,
        "ATTEMPTS_USED_UP",
        format!("message {id} in {queue} was delivered {deliveries} times and never completed"),
    )
    .hint("look for workers that die while they hold it");
    let last = last.and_then(|last| base::Error::decode_from_slice(last).ok());
    match last {
        Some(last) => error.caused_by(last.into()),
        None => error,
    }
}
