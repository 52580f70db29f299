//! What may happen to queues, at random.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Demand, MessageKey, NewMessage, Session};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Pass(u64),
    Enqueue(NewMessage),
    Dequeue(Demand),
    Complete(Pick, Vec<NewMessage>),
    Fail {
        pick: Pick,
        retry_in_ms: u64,
        last: bool,
        then_enqueue: Vec<NewMessage>,
    },
    Release(Pick, bool),
    Extend(Pick, Option<u64>),
    Cancel(MessageKey),
    /// The answer to a dequeue was never taken.
    Undo(usize),
    /// The process dies, after what it did was stored.
    Crash,
}

/// One of the tokens handed out so far, perhaps spoiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    pub(super) index: usize,
    pub(super) forged: bool,
}

fn pick() -> impl Strategy<Value = Pick> {
    (any::<usize>(), prop::bool::weighted(0.05)).prop_map(|(index, forged)| Pick { index, forged })
}

fn key() -> impl Strategy<Value = MessageKey> {
    (select(vec!["a", "b"]), 0..4_u8).prop_map(|(queue, id)| MessageKey {
        queue: queue.into(),
        id: id.to_string(),
    })
}

pub(super) fn message() -> impl Strategy<Value = NewMessage> {
    let when = (
        select(vec![0, 0, 0, 5, 50]),
        option::weighted(0.1, 0..400_i64),
    );
    let worth = (-1..3_i64, option::weighted(0.7, 1..4_u32));
    let answered = prop::bool::weighted(0.6);
    (key(), when, worth, answered).prop_map(|(key, when, worth, answered)| NewMessage {
        payload: Bytes::from(format!("payload of {}", key.id)),
        queue: key.queue,
        id: key.id,
        priority: worth.0,
        invisible_ms: when.0,
        not_after: when.1,
        attempts: worth.1,
        reply_to: answered.then(|| "replies".into()),
        ..NewMessage::default()
    })
}

/// Hand-ons, now and then one that is not allowed.
fn then_enqueue() -> impl Strategy<Value = Vec<NewMessage>> {
    let nameless = message().prop_map(|message| NewMessage {
        id: String::new(),
        ..message
    });
    prop_oneof![
        4 => vec(message(), 0..3),
        1 => vec(nameless, 1..2),
    ]
}

fn demand() -> impl Strategy<Value = Demand> {
    let queues = prop::sample::subsequence(vec!["a", "b", "replies"], 1..=3);
    let session = (
        select(vec!["w", "x"]),
        select(vec!["1", "1", "1", "2", "3"]),
    );
    let lease_ms = option::weighted(0.3, select(vec![100, 200, 1_000]));
    (queues, session, 1..4_u32, lease_ms, 0..6_u8).prop_map(
        |(queues, session, max, lease_ms, request)| Demand {
            queues: queues.into_iter().map(str::to_owned).collect(),
            max,
            lease_ms,
            session: Session {
                owner: session.0.into(),
                boot: session.1.into(),
            },
            request_id: request.to_string(),
        },
    )
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let delay = select(vec![0, 1, 5, 50, 100, 150, 500]);
    let fail = (
        pick(),
        select(vec![0, 0, 5, 80]),
        any::<bool>(),
        then_enqueue(),
    );
    prop_oneof![
        4 => delay.prop_map(Step::Pass),
        6 => message().prop_map(Step::Enqueue),
        6 => demand().prop_map(Step::Dequeue),
        4 => (pick(), then_enqueue()).prop_map(|(pick, then)| Step::Complete(pick, then)),
        3 => fail.prop_map(|(pick, retry_in_ms, last, then_enqueue)| Step::Fail {
            pick,
            retry_in_ms,
            last,
            then_enqueue,
        }),
        2 => (pick(), any::<bool>()).prop_map(|(pick, refund)| Step::Release(pick, refund)),
        2 => (pick(), option::of(select(vec![100, 2_000])))
            .prop_map(|(pick, lease_ms)| Step::Extend(pick, lease_ms)),
        2 => key().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Undo),
        1 => Just(Step::Crash),
    ]
}
