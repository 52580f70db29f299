//! What may happen to queues, at random.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Clause, Demand, MessageKey, NewMessage, Session};

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
    Redrive(MessageKey, Option<u32>),
    Reschedule {
        key: MessageKey,
        priority: Option<i64>,
        /// From now.
        visible_in: Option<i64>,
    },
    /// Blocks enqueueing, dequeueing, or lets them go on.
    Block(&'static str, bool, bool),
    Delete(&'static str, bool),
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

/// Where producers put messages.
const QUEUES: [&str; 5] = ["a", "b", "exclusive", "fair", "both"];
/// All.
pub(super) const ALL: [&str; 7] = ["a", "b", "exclusive", "fair", "both", "dead", "replies"];

fn metadata() -> impl Strategy<Value = BTreeMap<String, String>> {
    let project = option::weighted(0.9, select(vec!["x", "y", "z"]));
    let tenant = option::weighted(0.9, select(vec!["m", "n", "o"]));
    (project, tenant).prop_map(|(project, tenant)| {
        let pairs = [("project", project), ("tenant", tenant)].into_iter();
        let pairs = pairs.filter_map(|(key, value)| Some((key.into(), value?.into())));
        pairs.collect()
    })
}

pub(super) fn clause() -> impl Strategy<Value = Clause> {
    let project = (Just("project"), vec(select(vec!["x", "y", "z", "w"]), 1..3));
    let tenant = (Just("tenant"), vec(select(vec!["m", "n", "o"]), 1..3));
    prop_oneof![project, tenant].prop_map(|(key, any_of)| Clause {
        key: key.into(),
        any_of: any_of.into_iter().map(str::to_owned).collect(),
    })
}

fn key() -> impl Strategy<Value = MessageKey> {
    (select(QUEUES.to_vec()), 0..4_u8).prop_map(|(queue, id)| MessageKey {
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
    let parts = (key(), when, worth, answered, metadata());
    parts.prop_map(|(key, when, worth, answered, metadata)| NewMessage {
        payload: Bytes::from(format!("payload of {}", key.id)),
        queue: key.queue,
        id: key.id,
        priority: worth.0,
        invisible_ms: when.0,
        not_after: when.1,
        attempts: worth.1,
        reply_to: answered.then(|| "replies".into()),
        metadata,
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
    let several = prop::sample::subsequence(ALL.to_vec(), 1..=3);
    let one = select(ALL.to_vec()).prop_map(|queue| vec![queue]);
    let queues = prop_oneof![several, one];
    let filter = option::weighted(0.3, clause());
    let session = (
        select(vec!["w", "x"]),
        select(vec!["1", "1", "1", "2", "3"]),
    );
    let lease_ms = option::weighted(0.3, select(vec![100, 200, 1_000]));
    (queues, session, 1..4_u32, lease_ms, 0..6_u8, filter).prop_map(
        |(queues, session, max, lease_ms, request, filter)| Demand {
            queues: queues.into_iter().map(str::to_owned).collect(),
            max,
            lease_ms,
            filter,
            session: Session {
                owner: session.0.into(),
                boot: session.1.into(),
            },
            request_id: request.to_string(),
        },
    )
}

/// What shows in queues that share out and exclude: many messages, few accidents.
pub(super) fn crowded_step() -> impl Strategy<Value = Step> {
    let queue = || select(vec!["exclusive", "fair", "both"]);
    let key = || {
        (queue(), 0..30_u8).prop_map(|(queue, id)| MessageKey {
            queue: queue.into(),
            id: id.to_string(),
        })
    };
    let message = (key(), message()).prop_map(|(key, message)| NewMessage {
        queue: key.queue,
        id: key.id,
        not_after: None,
        ..message
    });
    let demand = (queue(), any::<u16>(), demand()).prop_map(|(queue, request, demand)| Demand {
        queues: vec![queue.into()],
        request_id: request.to_string(),
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        ..demand
    });
    let fail = (pick(), prop::bool::weighted(0.8));
    prop_oneof![
        12 => message.prop_map(Step::Enqueue),
        8 => demand.prop_map(Step::Dequeue),
        4 => pick().prop_map(|pick| Step::Complete(pick, Vec::new())),
        3 => fail.prop_map(|(pick, last)| Step::Fail {
            pick,
            retry_in_ms: 0,
            last,
            then_enqueue: Vec::new(),
        }),
        2 => (pick(), any::<bool>()).prop_map(|(pick, refund)| Step::Release(pick, refund)),
        2 => select(vec![1, 3, 30]).prop_map(Step::Pass),
        4 => (key(), option::of(1..4_u32)).prop_map(|(key, attempts)| Step::Redrive(key, attempts)),
        1 => (key(), -1..3_i64).prop_map(|(key, priority)| Step::Reschedule {
            key,
            priority: Some(priority),
            visible_in: None,
        }),
        1 => key().prop_map(Step::Cancel),
        1 => prop_oneof![9 => Just(Step::Pass(1)), 1 => Just(Step::Crash)],
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let delay = select(vec![0, 1, 5, 50, 100, 150, 500]);
    let fail = (
        pick(),
        select(vec![0, 0, 5, 80]),
        any::<bool>(),
        then_enqueue(),
    );
    let reschedule = (
        key(),
        option::of(-1..3_i64),
        option::of(select(vec![-5, 0, 5, 80])),
    );
    prop_oneof![
        4 => delay.prop_map(Step::Pass),
        9 => message().prop_map(Step::Enqueue),
        8 => demand().prop_map(Step::Dequeue),
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
        3 => (key(), option::of(1..4_u32)).prop_map(|(key, attempts)| Step::Redrive(key, attempts)),
        2 => reschedule.prop_map(|(key, priority, visible_in)| Step::Reschedule {
            key,
            priority,
            visible_in,
        }),
        1 => (select(ALL.to_vec()), any::<bool>(), any::<bool>())
            .prop_map(|(queue, enqueue, dequeue)| Step::Block(queue, enqueue, dequeue)),
        1 => (select(ALL.to_vec()), any::<bool>())
            .prop_map(|(queue, force)| Step::Delete(queue, force)),
        1 => any::<usize>().prop_map(Step::Undo),
        1 => Just(Step::Crash),
    ]
}
