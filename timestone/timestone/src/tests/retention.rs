//! What ended is let go of, in steps and for good.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::wording::Plain;
use crate::limits::MAX_TICK;
use crate::{
    Completion, Demand, MessageKey, NewMessage, Outcome, QueueConfig, Queues, Recovery, Session,
};

const MESSAGES: usize = 100_000;
const RETENTION_MS: i64 = 1_000_000;

/// Completed, canceled before they came, and errored: a third each.
fn ended() -> (Queues, BTreeMap<Bytes, Bytes>) {
    let mut queues = Queues::new(Arc::new(Plain));
    let mut store = BTreeMap::new();
    queues.at(0);
    let config = QueueConfig {
        retention_ms: RETENTION_MS as u64,
        attempts: 1,
        lease_ms: 100,
        ..QueueConfig::default()
    };
    queues.put_queue("q", config).unwrap();
    for n in 0..MESSAGES {
        match n % 3 {
            0 => assert_eq!(queues.cancel(&key(n), "enough"), Ok(Outcome::Done)),
            _ => assert_eq!(queues.enqueue(message(n)), Ok(Outcome::Done)),
        }
    }
    let mut nonces = 0..;
    for n in 0.. {
        let demand = demand(n);
        let leased = queues.dequeue(&demand, &mut || nonces.next().unwrap());
        let leased = leased.unwrap().messages;
        if leased.is_empty() {
            break;
        }
        for leased in leased {
            let half = leased.token.key.id.parse::<usize>().unwrap() % 3 == 1;
            if half {
                let token = leased.token;
                let then_enqueue = Vec::new();
                let completion = Completion {
                    token,
                    then_enqueue,
                };
                assert_eq!(queues.complete(completion), Ok(Outcome::Done));
            }
        }
    }
    // The others lapse, without attempts left.
    settle(&mut queues, 100);
    keep(&mut queues, &mut store);
    (queues, store)
}

fn key(n: usize) -> MessageKey {
    MessageKey {
        queue: "q".into(),
        id: n.to_string(),
    }
}

fn message(n: usize) -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: n.to_string(),
        payload: Bytes::from_static(b"work"),
        ..NewMessage::default()
    }
}

fn demand(n: usize) -> Demand {
    Demand {
        queues: vec!["q".into()],
        max: 1_024,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: n.to_string(),
    }
}

/// Ticks until nothing is due; how often.
fn settle(queues: &mut Queues, now: i64) -> usize {
    let mut ticks = 0;
    queues.at(now);
    while queues.next_timer().is_some_and(|next| next <= now) {
        let before = queues.messages.len();
        queues.tick(now);
        ticks += 1;
        assert!(before - queues.messages.len() <= 2 * MAX_TICK);
    }
    ticks
}

fn keep(queues: &mut Queues, store: &mut BTreeMap<Bytes, Bytes>) {
    for write in queues.take_writes() {
        match write.value {
            Some(value) => store.insert(write.key, value),
            None => store.remove(&write.key),
        };
    }
}

fn is_clean(queues: &mut Queues, store: &mut BTreeMap<Bytes, Bytes>) {
    assert_eq!(queues.messages.len(), 0);
    assert_eq!(queues.next_timer(), None);
    let count = queues.count(&["q".into()]).remove(0);
    assert_eq!(count.completed + count.canceled + count.errored, 0);
    keep(queues, store);
    assert_eq!(store.len(), 1, "the queue's configuration alone");
}

#[test]
fn ended_messages_and_tombstones_go_after_their_retention_in_bounded_steps() {
    let (mut queues, mut store) = ended();
    assert_eq!(queues.messages.len(), MESSAGES);
    assert_eq!(
        settle(&mut queues, RETENTION_MS - 1),
        0,
        "none goes before its time"
    );
    let ticks = settle(&mut queues, RETENTION_MS + 100);
    assert_eq!(ticks, MESSAGES.div_ceil(MAX_TICK));
    is_clean(&mut queues, &mut store);
}

#[test]
fn what_ended_before_a_crash_goes_as_well() {
    let (_, mut store) = ended();
    let mut recovery = Recovery::new(Arc::new(Plain));
    for (key, value) in &store {
        recovery.record(key, value).unwrap();
    }
    let mut queues = recovery.finish(RETENTION_MS / 2);
    assert_eq!(queues.messages.len(), MESSAGES);
    settle(&mut queues, RETENTION_MS + 100);
    is_clean(&mut queues, &mut store);
}

/// The ids from `of` that a repeated enqueue is told to be known.
fn known(queues: &mut Queues, of: std::ops::Range<usize>) -> Vec<usize> {
    let is_known = |n: &usize| queues.get(&key(*n)).is_some();
    of.filter(is_known).collect()
}

#[test]
fn what_was_completed_longest_ago_goes_when_too_much_is_remembered() {
    let (mut queues, mut store) = ended();
    queues.remember_at_most(1_000);
    let now = RETENTION_MS / 2;
    settle(&mut queues, now);
    keep(&mut queues, &mut store);
    let is_completed = |n: usize| n % 3 == 1;
    let completed = MESSAGES / 3;
    assert_eq!(queues.messages.len(), MESSAGES - completed + 1_000);
    let left = known(&mut queues, 0..MESSAGES);
    assert!(left.iter().filter(|n| !is_completed(**n)).count() == MESSAGES - completed);
    let last: Vec<_> = (0..MESSAGES).filter(|n| is_completed(*n)).collect();
    let remembered: Vec<_> = left.into_iter().filter(|n| is_completed(*n)).collect();
    assert_eq!(remembered, last[completed - 1_000..]);
    assert_eq!(
        queues.enqueue(message(1)),
        Ok(Outcome::Done),
        "not known any more"
    );
    assert_eq!(
        queues.enqueue(message(remembered[0])),
        Ok(Outcome::Duplicate)
    );
    settle(&mut queues, RETENTION_MS + 100);
    keep(&mut queues, &mut store);
    let waiting = store.keys().filter(|key| key.starts_with(b"m")).count();
    assert_eq!(waiting, 1, "the one that came again");
}

/// A queue that remembers for so long.
fn put(queues: &mut Queues, queue: &str, retention_ms: u64) {
    let config = QueueConfig {
        retention_ms,
        ..QueueConfig::default()
    };
    queues.put_queue(queue, config).unwrap();
}

/// A message that comes and is completed.
fn complete(queues: &mut Queues, queue: &str, id: usize) {
    let queue = queue.to_owned();
    let new = NewMessage {
        queue: queue.clone(),
        ..message(id)
    };
    assert_eq!(queues.enqueue(new), Ok(Outcome::Done));
    let demand = Demand {
        queues: vec![queue],
        ..demand(id)
    };
    let leased = queues.dequeue(&demand, &mut || id as u64).unwrap();
    let completion = Completion {
        token: leased.messages[0].token.clone(),
        then_enqueue: Vec::new(),
    };
    assert_eq!(queues.complete(completion), Ok(Outcome::Done));
}

/// The ids that both queues know, from the lowest.
fn both(queues: &mut Queues) -> [Vec<usize>; 2] {
    ["long", "short"].map(|queue| {
        let key = |n: &usize| MessageKey {
            queue: queue.to_owned(),
            id: n.to_string(),
        };
        let known = |n: &usize| queues.get(&key(n)).is_some();
        (0..20).filter(known).collect()
    })
}

#[test]
fn what_ended_longest_ago_goes_first_whatever_the_retention_of_its_queue() {
    let mut queues = Queues::new(Arc::new(Plain));
    let mut store = BTreeMap::new();
    put(&mut queues, "long", 1_000_000);
    put(&mut queues, "short", 10_000);
    for n in 0..10 {
        queues.at(n as i64);
        complete(&mut queues, ["long", "short"][n % 2], n);
    }
    keep(&mut queues, &mut store);
    let mut recovery = Recovery::new(Arc::new(Plain));
    for (key, value) in &store {
        recovery.record(key, value).unwrap();
    }
    for mut queues in [queues, recovery.finish(10)] {
        queues.remember_at_most(4);
        settle(&mut queues, 10);
        assert_eq!(both(&mut queues), [vec![6, 8], vec![7, 9]]);
    }
}

#[test]
fn what_came_and_went_between_two_commits_is_not_stored() {
    let mut queues = Queues::new(Arc::new(Plain));
    queues.at(0);
    assert_eq!(queues.enqueue(message(0)), Ok(Outcome::Done));
    let leased = queues
        .dequeue(&demand(0), &mut || 1)
        .unwrap()
        .messages
        .remove(0);
    let completion = Completion {
        token: leased.token,
        then_enqueue: Vec::new(),
    };
    assert_eq!(queues.complete(completion), Ok(Outcome::Done));
    let writes = queues.take_writes();
    assert_eq!(writes.len(), 1, "its head alone");
    assert!(writes.iter().all(|write| write.value.is_some()));
    // It is stored now, so its end must be.
    queues.remember_at_most(0);
    queues.tick(1);
    let writes = queues.take_writes();
    assert_eq!(writes.len(), 1, "it had no payload any more");
    assert!(writes.iter().all(|write| write.value.is_none()));
}
