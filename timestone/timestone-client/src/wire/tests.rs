#![allow(clippy::unwrap_used)]

use buffa::{Message, MessageView as _};
use bytes::Bytes;
use connectrpc::{CodecFormat, Encodable};
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use timestone::{
    Clause, Completion, DeadLetter, Failure, Fairness, Filter, Found, LeaseToken, LeasedMessage,
    MessageKey, MessageState, MessageView, NewMessage, QueueConfig, QueueCount, QueueKind,
    QueueView, Reschedule, Search, Session,
};

use super::{Inward, Outward, each};
use crate::{DequeueRequest, SubscribeRequest, envelope};

fn payload() -> Bytes {
    envelope::to_payload(&base::Envelope {
        r#type: "x.v1.Y".into(),
        body: vec![1, 2, 3],
        ..Default::default()
    })
}

fn error() -> Bytes {
    let error = errors::Error::function("BROKEN", "it broke");
    base::Error::from(error).encode_to_vec().into()
}

fn key() -> MessageKey {
    MessageKey {
        queue: "q".into(),
        id: "m".into(),
    }
}

fn token() -> LeaseToken {
    LeaseToken {
        key: key(),
        delivery: 2,
        nonce: u64::MAX,
    }
}

fn message() -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: "m".into(),
        payload: payload(),
        priority: i64::MIN,
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        invisible_ms: 5,
        attempts: Some(3),
        not_after: Some(-7),
        reply_to: Some("r".into()),
    }
}

fn leased() -> LeasedMessage {
    LeasedMessage {
        token: token(),
        payload: payload(),
        priority: 1,
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        lease_until: 77,
        lease_ms: 88,
        attempts_left: 9,
    }
}

fn config() -> QueueConfig {
    QueueConfig {
        kind: QueueKind::Exclusive { key: "k".into() },
        lease_ms: 101,
        invisible_ms: 2,
        attempts: 3,
        retention_ms: 4,
        max_depth: 5,
        enqueue_blocked: true,
        dequeue_blocked: true,
        dead_letter: Some(DeadLetter {
            queue: "dead".into(),
            copy: true,
        }),
        indexed: ["a".into(), "b".into()].into(),
        fairness: Some(Fairness {
            key: "t".into(),
            weights: [("m".into(), 3)].into(),
        }),
        partitions: 6,
    }
}

fn survives<T>(value: T)
where
    T: Outward + Inward<T::Wire> + Clone + PartialEq + std::fmt::Debug,
{
    assert_eq!(T::inward(value.clone().outward()), Ok(value));
}

#[test]
fn everything_survives_the_wire() {
    survives(key());
    survives(token());
    survives(message());
    survives(NewMessage::default());
    survives(QueueConfig::default());
    survives(config());
    survives(QueueView {
        config: config(),
        configured: true,
        deleting: true,
        count: QueueCount::default(),
    });
    survives(SubscribeRequest {
        queues: vec!["a".into()],
        credit: 3,
        lease_ms: Some(500),
        session: Session {
            owner: "o".into(),
            boot: "b".into(),
        },
        subscription_id: "s".into(),
        filter: Some(Clause::equal("k", "v")),
        ahead: false,
    });
    survives(Reschedule {
        key: key(),
        priority: Some(0),
        visible_at: None,
    });
    survives(Search {
        queue: "q".into(),
        filter: Filter {
            metadata: vec![Clause::equal("k", "v")],
            states: vec![MessageState::Invisible, MessageState::Errored],
        },
        cursor: Bytes::from_static(&[0, 255]),
        limit: 7,
    });
    survives(Found {
        messages: Vec::new(),
        next: Some(Bytes::from_static(&[0])),
    });
    survives(Completion {
        token: token(),
        then_enqueue: vec![message()],
    });
    survives(Failure {
        token: token(),
        error: error(),
        retry_in_ms: 9,
        last: true,
        then_enqueue: vec![message()],
    });
    survives(DequeueRequest {
        queues: vec!["a".into(), "b".into()],
        max: 3,
        wait_ms: 4,
        lease_ms: Some(500),
        session: Session {
            owner: "o".into(),
            boot: "b".into(),
        },
        request_id: "r".into(),
    });
    survives(QueueCount {
        queue: "q".into(),
        invisible: 1,
        pending: 2,
        running: 3,
        completed: 4,
        canceled: 5,
        errored: 6,
    });
}

#[test]
fn views_of_every_state_survive() {
    for state in [
        MessageState::Invisible,
        MessageState::Pending,
        MessageState::Running,
        MessageState::Completed,
        MessageState::Canceled,
        MessageState::Errored,
    ] {
        survives(MessageView {
            key: key(),
            state,
            priority: 1,
            deliveries: 2,
            attempts_left: 3,
            owner: Some("w".into()),
            until: Some(4),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            version: 5,
            error: Some(error()),
            payload: payload(),
        });
    }
}

#[test]
fn a_field_left_out_of_a_configuration_is_the_default() {
    let config = QueueConfig::inward(wire::QueueConfig {
        attempts: 2,
        ..Default::default()
    });
    let expected = QueueConfig {
        attempts: 2,
        ..QueueConfig::default()
    };
    assert_eq!(config, Ok(expected));
}

#[test]
fn everything_missing_is_named_at_once() {
    let no_token = wire::Completion::default();
    let no_payload = wire::Completion {
        token: Some(token().outward()).into(),
        then_enqueue: vec![message().outward(), wire::NewMessage::default()],
        ..Default::default()
    };
    let problems = each::<Completion, _>("completions", vec![no_token, no_payload]);
    let fields: Vec<_> = problems
        .unwrap_err()
        .into_iter()
        .map(|problem| problem.field)
        .collect();
    assert_eq!(
        fields,
        [
            "completions[0].token",
            "completions[1].then_enqueue[1].payload"
        ]
    );
}

#[test]
fn what_lies_in_a_buffer_is_read_and_written_alike() {
    let wire = message().outward();
    let encoded = wire.encode_to_vec();
    let view = wire::NewMessageView::decode_view(&encoded).unwrap();
    assert_eq!(NewMessage::inward(&view), Ok(message()));
    let nothing = wire::NewMessageView::default();
    assert_eq!(
        NewMessage::inward(&nothing).unwrap_err()[0].field,
        "payload"
    );
    for payload in [payload(), Bytes::new()] {
        let leased = LeasedMessage {
            payload,
            ..leased()
        };
        assert_eq!(LeasedMessage::inward(answered(&leased)), Ok(leased));
    }
    let opaque = LeasedMessage {
        payload: Bytes::from_static(b"no envelope"),
        ..leased()
    };
    assert_eq!(answered(&opaque).payload.body, b"no envelope");
}

/// What a worker reads of the answer that holds `leased`.
fn answered(leased: &LeasedMessage) -> wire::LeasedMessage {
    let answer = super::dequeued(std::slice::from_ref(leased));
    let answer = answer.encode(CodecFormat::Proto).unwrap();
    let mut answer = wire::DequeueResponse::decode_from_slice(&answer).unwrap();
    assert_eq!(answer.messages.len(), 1);
    answer.messages.remove(0)
}
