//! Messages that exclude one another, and tenants that take turns.

use std::sync::Arc;

use bytes::Bytes;

use super::wording::Plain;
use crate::labels::ALL;
use crate::shelf::LOOKED_AT;
use crate::{
    Clause, Completion, Demand, Fairness, LeasedMessage, MessageState, NewMessage, QueueConfig,
    QueueKind, Queues, Session, limits,
};

fn queues(config: QueueConfig) -> Queues {
    let mut queues = Queues::new(Arc::new(Plain));
    queues.at(1_000);
    queues.put_queue("q", config).unwrap();
    queues
}

fn exclusive() -> QueueConfig {
    QueueConfig {
        kind: QueueKind::Exclusive {
            key: "project".into(),
        },
        ..QueueConfig::default()
    }
}

fn fair(weights: &[(&str, u32)]) -> QueueConfig {
    let weights = weights.iter();
    QueueConfig {
        fairness: Some(Fairness {
            key: "tenant".into(),
            weights: weights.map(|(t, weight)| ((*t).into(), *weight)).collect(),
        }),
        ..QueueConfig::default()
    }
}

fn put(queues: &mut Queues, id: &str, priority: i64, metadata: &[(&str, &str)]) {
    let pairs = metadata.iter();
    let message = NewMessage {
        queue: "q".into(),
        id: id.into(),
        priority,
        metadata: pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        ..NewMessage::default()
    };
    queues.enqueue(message).unwrap();
}

fn demand(max: u32, request_id: &str) -> Demand {
    Demand {
        queues: vec!["q".into()],
        max,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: request_id.into(),
    }
}

fn lease(queues: &mut Queues, max: u32, request_id: &str) -> Vec<LeasedMessage> {
    let demand = demand(max, request_id);
    queues.dequeue(&demand, &mut || 7).unwrap().messages
}

fn complete(queues: &mut Queues, leased: LeasedMessage) {
    let completion = Completion {
        token: leased.token,
        then_enqueue: Vec::new(),
    };
    queues.complete(completion).unwrap();
}

/// Ids of what is leased one after the other, each completed at once.
fn served(queues: &mut Queues, n: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for request in 0..n {
        let leased = lease(queues, 1, &format!("served {request}"));
        ids.extend(leased.iter().map(|leased| leased.token.key.id.clone()));
        leased
            .into_iter()
            .for_each(|leased| complete(queues, leased));
    }
    ids
}

fn count_of(ids: &[String], prefix: &str) -> usize {
    ids.iter().filter(|id| id.starts_with(prefix)).count()
}

/// How many messages are looked at to do this.
fn looked_at(act: impl FnOnce()) -> u64 {
    let before = LOOKED_AT.get();
    act();
    LOOKED_AT.get() - before
}

#[test]
fn nothing_looks_past_messages_that_may_not_go() {
    let values = 2_000_u32;
    let mut queues = queues(exclusive());
    for round in 0..2 {
        for value in 0..values {
            let id = format!("{round}/{value}");
            put(&mut queues, &id, 0, &[("project", &value.to_string())]);
        }
    }
    let first: Vec<_> = (0..values)
        .flat_map(|n| lease(&mut queues, 1, &n.to_string()))
        .collect();
    assert!(
        first
            .iter()
            .all(|leased| leased.token.key.id.starts_with("0/"))
    );
    let looked_at = looked_at(|| {
        for (n, leased) in first.into_iter().enumerate() {
            assert!(lease(&mut queues, 1, &format!("none {n}")).is_empty());
            let value = leased.metadata["project"].clone();
            complete(&mut queues, leased);
            let next = lease(&mut queues, 1, &format!("next {n}")).remove(0);
            assert_eq!(next.token.key.id, format!("1/{value}"));
        }
    });
    assert!(looked_at < 20 * u64::from(values), "{looked_at}");
}

#[test]
fn one_of_each_value_is_leased_however_many_are_wanted() {
    let mut queues = queues(exclusive());
    for (id, project) in [("a", "x"), ("b", "x"), ("c", "y"), ("d", "x"), ("e", "y")] {
        put(&mut queues, id, 0, &[("project", project)]);
    }
    let leased = lease(&mut queues, 10, "r");
    let ids: Vec<_> = leased.iter().map(|leased| &*leased.token.key.id).collect();
    assert_eq!(ids, ["a", "c"]);
}

#[test]
fn a_flood_of_one_tenant_does_not_starve_another() {
    let mut queues = queues(fair(&[]));
    for n in 0..1_000 {
        put(
            &mut queues,
            &format!("flood {n}"),
            -1_000,
            &[("tenant", "a")],
        );
    }
    served(&mut queues, 100);
    for n in 0..20 {
        put(&mut queues, &format!("few {n}"), n, &[("tenant", "b")]);
    }
    let ids = served(&mut queues, 40);
    assert_eq!(count_of(&ids, "few"), 20, "{ids:?}");
    let few: Vec<_> = ids.iter().filter(|id| id.starts_with("few")).collect();
    let expected: Vec<_> = (0..20).map(|n| format!("few {n}")).collect();
    assert_eq!(few, expected.iter().collect::<Vec<_>>());
}

#[test]
fn tenants_are_served_by_weight() {
    let mut queues = queues(fair(&[("a", 3), ("b", 2)]));
    for n in 0..100 {
        for tenant in ["a", "b", "c"] {
            put(
                &mut queues,
                &format!("{tenant}{n}"),
                0,
                &[("tenant", tenant)],
            );
        }
    }
    let ids = served(&mut queues, 60);
    let counts = ["a", "b", "c"].map(|tenant| count_of(&ids, tenant));
    assert_eq!(counts, [30, 20, 10]);
}

#[test]
fn a_new_weight_counts_at_once() {
    let mut queues = queues(fair(&[]));
    for n in 0..100 {
        for tenant in ["a", "b"] {
            put(
                &mut queues,
                &format!("{tenant}{n}"),
                0,
                &[("tenant", tenant)],
            );
        }
    }
    served(&mut queues, 10);
    queues.put_queue("q", fair(&[("a", 4)])).unwrap();
    let ids = served(&mut queues, 50);
    assert_eq!(count_of(&ids, "a"), 40);
}

#[test]
fn values_that_nobody_holds_are_forgotten() {
    let config = QueueConfig {
        fairness: fair(&[]).fairness,
        indexed: ["title".into()].into(),
        retention_ms: 0,
        ..exclusive()
    };
    let mut queues = queues(config);
    for n in 0..5_000 {
        let n = n.to_string();
        let metadata = [("project", &*n), ("tenant", &*n), ("title", &*n)];
        put(&mut queues, &n, 0, &metadata);
    }
    served(&mut queues, 5_000);
    (0..10).for_each(|_| queues.tick(1_001));
    let queue = &queues.index.queues["q"];
    assert_eq!(queue.len(), 0);
    // Tenants that had their turn are remembered while they owe something.
    assert!(queue.labels.len() < 4_200, "{}", queue.labels.len());
    queues.put_queue("q", exclusive()).unwrap();
    assert_eq!(queues.index.queues["q"].labels.len(), 2);
}

#[test]
fn kinds_change_only_while_nothing_waits_or_runs() {
    let mut queues = queues(QueueConfig::default());
    put(&mut queues, "a", 0, &[]);
    let refused = queues.put_queue("q", exclusive()).unwrap_err();
    assert_eq!(refused.code(), "QUEUE_NOT_EMPTY");
    served(&mut queues, 1);
    queues.put_queue("q", exclusive()).unwrap();
    let keyless = NewMessage {
        queue: "q".into(),
        id: "b".into(),
        ..NewMessage::default()
    };
    let refused = queues.enqueue(keyless).unwrap_err().to_string();
    assert!(refused.contains("lacks project"), "{refused}");
}

#[test]
fn a_key_that_is_indexed_later_finds_what_was_there() {
    let mut queues = queues(QueueConfig::default());
    for (id, title) in [("a", "x"), ("b", "y")] {
        put(&mut queues, id, 0, &[("title", title)]);
    }
    let mut wanted = demand(1, "r");
    wanted.filter = Some(Clause::equal("title", "y"));
    let refused = queues.dequeue(&wanted, &mut || 7).unwrap_err().to_string();
    assert!(refused.contains("by no key only"), "{refused}");
    let indexed = QueueConfig {
        indexed: ["title".into()].into(),
        ..QueueConfig::default()
    };
    queues.put_queue("q", indexed).unwrap();
    let leased = queues.dequeue(&wanted, &mut || 7).unwrap().messages;
    assert_eq!(leased[0].token.key.id, "b");
}

#[test]
fn many_messages_are_not_rearranged() {
    let mut queues = queues(QueueConfig::default());
    let labels = &mut queues.index.queues.get_mut("q").unwrap().labels;
    let messages = 0..=limits::MAX_REARRANGED;
    messages.for_each(|_| labels.count_in(ALL, MessageState::Completed));
    let refused = queues.put_queue("q", fair(&[])).unwrap_err().to_string();
    assert!(refused.contains("at most 100000"), "{refused}");
    let blocked = QueueConfig {
        dequeue_blocked: true,
        ..QueueConfig::default()
    };
    queues.put_queue("q", blocked).unwrap();
    assert_eq!(queues.take_writes().last().unwrap().key, Bytes::from("qq"));
}
