//! Everything about a message but its payload.

use std::sync::Arc;

use bytes::Bytes;

use super::RecordError;
use super::codec::{Reader, Writer};
use crate::Session;
use crate::details::Details;
use crate::id::Id;
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::message::{Act, End, Ending, Lease, Message, Settled, State};
use crate::name::Name;

/// Version 1 knows no dead letters, version 2 not how long the payload is, version 3 no numbers
/// of takes; all are the same else.
const VERSION: u8 = 4;
/// The version of what has nothing that is new in [`VERSION`]: servers of before can read it. A
/// shard with a lease of the other kind they cannot take over.
const COMMON_VERSION: u8 = 3;

/// Encodes all of `message` but its payload and the end of its lease, which
/// recovery sets anew.
pub(crate) fn encode(message: &Message) -> Bytes {
    let mut writer = Writer::new(version(message));
    writer.text(&message.queue).text(&message.id.to_string());
    writer.signed(message.priority).number(message.version);
    writer.number(message.attempts_left);
    writer.number(message.deliveries);
    put_details(&mut writer, &message.details);
    put_settled(&mut writer, message.settled);
    put_state(&mut writer, &message.state);
    writer.number(message.payload_bytes);
    writer.finish()
}

fn version(message: &Message) -> u8 {
    match &message.state {
        State::Running(lease) if lease.take > 0 => VERSION,
        _ => COMMON_VERSION,
    }
}

/// Decodes a message, whose queue is called what `name` says; the lease of a running
/// one ends now.
pub(crate) fn decode(
    value: &[u8],
    name: impl FnOnce(&str) -> Name,
) -> Result<Message, RecordError> {
    let (mut reader, version) = Reader::new("message", VERSION, value)?;
    let message = Message {
        queue: name(reader.text()?),
        id: Id::new(reader.text()?),
        priority: reader.signed()?,
        version: reader.number()?,
        attempts_left: reader.narrow()?,
        deliveries: reader.narrow()?,
        details: take_details(&mut reader)?,
        settled: take_optional(&mut reader, take_settled)?,
        state: take_state(&mut reader, version)?,
        payload_bytes: match version {
            1 | 2 => MAX_PAYLOAD_BYTES as u32,
            _ => reader.narrow()?,
        },
    };
    reader.finish()?;
    Ok(message)
}

pub(super) fn put_details(writer: &mut Writer, details: &Details) {
    let metadata = details.metadata();
    writer.number(metadata.len() as u64);
    for (key, value) in metadata {
        writer.text(key).text(value);
    }
    put_optional(writer, details.reply_to().map(str::as_bytes));
    put_optional(writer, details.error().as_deref());
}

pub(super) fn take_details(reader: &mut Reader<'_>) -> Result<Details, RecordError> {
    let pairs = reader.number()?;
    let pairs = (0..pairs).map(|_| Ok((reader.text()?.to_owned(), reader.text()?.to_owned())));
    let metadata = pairs.collect::<Result<_, RecordError>>()?;
    let reply_to = take_optional(reader, Reader::text)?;
    let error = take_optional(reader, Reader::bytes)?;
    Ok(Details::new(&metadata, reply_to, error))
}

fn put_optional(writer: &mut Writer, value: Option<&[u8]>) {
    writer.present(&value);
    value.map(|value| writer.bytes(value));
}

fn take_optional<'a, T>(
    reader: &mut Reader<'a>,
    take: impl FnOnce(&mut Reader<'a>) -> Result<T, RecordError>,
) -> Result<Option<T>, RecordError> {
    match reader.present()? {
        true => take(reader).map(Some),
        false => Ok(None),
    }
}

fn put_settled(writer: &mut Writer, settled: Option<Settled>) {
    writer.present(&settled);
    if let Some(settled) = settled {
        writer.number(settled.delivery).number(settled.nonce);
        writer.number(act_number(settled.act));
    }
}

fn take_settled(reader: &mut Reader<'_>) -> Result<Settled, RecordError> {
    Ok(Settled {
        delivery: reader.narrow()?,
        nonce: reader.number()?,
        act: take_act(reader)?,
    })
}

fn act_number(act: Act) -> u8 {
    match act {
        Act::Completed => 0,
        Act::Failed => 1,
        Act::Released => 2,
    }
}

fn take_act(reader: &mut Reader<'_>) -> Result<Act, RecordError> {
    match reader.number()? {
        0 => Ok(Act::Completed),
        1 => Ok(Act::Failed),
        2 => Ok(Act::Released),
        _ => Err(reader.error("an unknown act")),
    }
}

fn put_state(writer: &mut Writer, state: &State) {
    match state {
        State::Pending => writer.number(0_u8),
        State::Invisible { until } => writer.number(1_u8).signed(*until),
        State::Running(lease) => put_lease(writer.number(2_u8), lease),
        State::Ended(end) => writer.number(ending_number(end.how)).signed(end.forget_at),
    };
}

fn put_lease<'a>(writer: &'a mut Writer, lease: &Lease) -> &'a mut Writer {
    let Session { owner, boot } = &*lease.session;
    writer.text(owner).text(boot).text(&lease.request_id);
    writer.number(lease.nonce).number(lease.lease_ms);
    writer.number(lease.hold_ms);
    match lease.take {
        0 => writer,
        take => writer.number(take),
    }
}

fn ending_number(how: Ending) -> u8 {
    match how {
        Ending::Completed => 3,
        Ending::Canceled => 4,
        Ending::Errored => 5,
        Ending::NeverSeen => 6,
        Ending::DeadLettered => 7,
    }
}

fn take_state(reader: &mut Reader<'_>, version: u8) -> Result<State, RecordError> {
    match reader.number()? {
        0 => Ok(State::Pending),
        1 => Ok(State::Invisible {
            until: reader.signed()?,
        }),
        2 => Ok(State::Running(Box::new(take_lease(reader, version)?))),
        3 => take_end(reader, Ending::Completed),
        4 => take_end(reader, Ending::Canceled),
        5 => take_end(reader, Ending::Errored),
        6 => take_end(reader, Ending::NeverSeen),
        7 => take_end(reader, Ending::DeadLettered),
        _ => Err(reader.error("an unknown state")),
    }
}

fn take_end(reader: &mut Reader<'_>, how: Ending) -> Result<State, RecordError> {
    let forget_at = reader.signed()?;
    Ok(State::Ended(End { how, forget_at }))
}

fn take_lease(reader: &mut Reader<'_>, version: u8) -> Result<Lease, RecordError> {
    let session = Session {
        owner: reader.text()?.into(),
        boot: reader.text()?.into(),
    };
    Ok(Lease {
        session: Arc::new(session),
        request_id: reader.text()?.into(),
        nonce: reader.number()?,
        lease_ms: reader.number()?,
        hold_ms: reader.number()?,
        take: match version {
            VERSION => reader.number()?,
            _ => 0,
        },
        until: i64::MIN,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::btree_map;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn any_lease() -> impl Strategy<Value = Lease> {
        let texts = (".{0,9}", ".{0,9}", ".{0,9}");
        let take = prop_oneof![Just(0), any::<u64>()];
        let numbers = (any::<(u64, u64, u64)>(), take);
        (texts, numbers).prop_map(|((owner, boot, request), (numbers, take))| Lease {
            session: Arc::new(Session { owner, boot }),
            request_id: request.into(),
            take,
            nonce: numbers.0,
            lease_ms: numbers.1,
            hold_ms: numbers.2,
            until: i64::MIN,
        })
    }

    fn any_state() -> impl Strategy<Value = State> {
        let how = prop_oneof![
            Just(Ending::Completed),
            Just(Ending::Canceled),
            Just(Ending::Errored),
            Just(Ending::NeverSeen),
            Just(Ending::DeadLettered)
        ];
        prop_oneof![
            Just(State::Pending),
            any::<i64>().prop_map(|until| State::Invisible { until }),
            any_lease().prop_map(|lease| State::Running(Box::new(lease))),
            (how, any::<i64>()).prop_map(|(how, forget_at)| State::Ended(End { how, forget_at })),
        ]
    }

    fn any_settled() -> impl Strategy<Value = Settled> {
        let act = prop_oneof![Just(Act::Completed), Just(Act::Failed), Just(Act::Released)];
        (any::<u32>(), any::<u64>(), act).prop_map(|(delivery, nonce, act)| Settled {
            delivery,
            nonce,
            act,
        })
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let texts = (".{0,9}", ".{0,9}", option::of(".{0,9}"));
        let numbers = any::<(i64, u64, u32, u32, u32)>();
        let rest = (
            btree_map(".{0,5}", ".{0,5}", 0..4),
            option::of(any::<Vec<u8>>()),
            option::of(any_settled()),
            any_state(),
        );
        (texts, numbers, rest).prop_map(|((queue, id, reply_to), numbers, rest)| Message {
            queue: queue.as_str().into(),
            id: Id::new(&id),
            priority: numbers.0,
            version: numbers.1,
            attempts_left: numbers.2,
            deliveries: numbers.3,
            details: Details::new(&rest.0, reply_to.as_deref(), rest.1.as_deref()),
            settled: rest.2,
            state: rest.3,
            payload_bytes: numbers.4,
        })
    }

    #[test]
    fn a_message_of_version_1_is_read() {
        let stored = b"\x01\x01q\x01a\x0d\x05\x03\x02\x01\x01k\x01v\x01\x01r\x00\x00\x01\x10";
        let message = decode(stored, |queue| queue.into()).unwrap();
        assert_eq!((&*message.queue, &message.id), ("q", &Id::new("a")));
        assert_eq!((message.priority, message.version), (-7, 5));
        assert_eq!((message.attempts_left, message.deliveries), (3, 2));
        assert!(message.details.metadata().eq([("k", "v")]));
        assert_eq!(message.details.reply_to(), Some("r"));
        assert_eq!(message.state, State::Invisible { until: 8 });
        assert_eq!(message.payload_bytes as usize, MAX_PAYLOAD_BYTES);
    }

    proptest! {
        #[test]
        fn a_message_survives(message in any_message()) {
            prop_assert_eq!(decode(&encode(&message), |queue| queue.into()).unwrap(), message);
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(mut value: Vec<u8>, version in 1..=VERSION) {
            if let Some(first) = value.first_mut() {
                *first = version;
            }
            let _ = decode(&value, |queue| queue.into());
        }
    }
}
