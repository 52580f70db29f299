//! What is not seen from the outside.

use std::sync::Arc;

use bytes::Bytes;

use super::wording::Plain;
use crate::record::RecordKey;
use crate::{
    Completion, Delivery, Demand, NewMessage, Outcome, QueueConfig, Queues, Recovery, Session,
    Write, limits,
};

fn queues() -> Queues {
    let mut queues = Queues::new(Arc::new(Plain));
    queues.at(1_000);
    queues
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        queue: "q".into(),
        id: id.into(),
        payload: Bytes::from_static(b"payload"),
        ..NewMessage::default()
    }
}

fn demand(boot: &str, request_id: &str) -> Demand {
    Demand {
        queues: vec!["q".into()],
        max: 10,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: boot.into(),
        },
        request_id: request_id.into(),
    }
}

fn lease(queues: &mut Queues, demand: &Demand) -> Delivery {
    queues.dequeue(demand, &mut || 7).unwrap()
}

fn keys(writes: &[Write]) -> Vec<RecordKey> {
    writes
        .iter()
        .map(|write| RecordKey::decode(&write.key).unwrap())
        .collect()
}

#[test]
fn a_message_that_was_leased_at_once_is_stored_once() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    lease(&mut queues, &demand("1", "r"));
    let writes = queues.take_writes();
    assert_eq!(keys(&writes), [RecordKey::Head(0), RecordKey::Body(0)]);
    assert!(writes.iter().all(|write| write.value.is_some()));
    assert_eq!(queues.take_writes(), []);
}

#[test]
fn a_dequeue_that_finds_nothing_stores_nothing() {
    let mut queues = queues();
    assert!(lease(&mut queues, &demand("1", "r")).messages.is_empty());
    assert_eq!(queues.changes(), 0);
}

#[test]
fn an_extension_is_stored_only_when_it_is_longer_than_ever() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    let token = lease(&mut queues, &demand("1", "r"))
        .messages
        .remove(0)
        .token;
    queues.take_writes();
    queues.at(20_000);
    queues.extend(&token, None).unwrap();
    assert_eq!(queues.changes(), 0);
    queues.extend(&token, Some(60_000)).unwrap();
    assert_eq!(keys(&queues.take_writes()), [RecordKey::Head(0)]);
    queues.extend(&token, Some(50_000)).unwrap();
    assert_eq!(queues.changes(), 0);
}

#[test]
fn a_lease_ends_on_time_even_where_nobody_has_ticked() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    let leased = lease(&mut queues, &demand("1", "r")).messages.remove(0);
    queues.at(leased.lease_until);
    let completion = Completion {
        token: leased.token,
        then_enqueue: Vec::new(),
    };
    assert_eq!(
        queues.complete(completion).unwrap_err().code(),
        "LEASE_LOST"
    );
}

#[test]
fn becoming_visible_stores_nothing_and_wakes() {
    let mut queues = queues();
    let later = NewMessage {
        invisible_ms: 10,
        ..message("a")
    };
    queues.enqueue(later).unwrap();
    queues.take_writes();
    assert!(queues.take_woken().is_empty());
    assert_eq!(queues.next_timer(), Some(1_010));
    queues.tick(1_010);
    assert_eq!(queues.changes(), 0);
    assert!(queues.take_woken().contains("q"));
}

#[test]
fn the_payload_of_a_completed_message_is_deleted_and_then_all_of_it() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    let token = lease(&mut queues, &demand("1", "r"))
        .messages
        .remove(0)
        .token;
    queues.take_writes();
    let completion = Completion {
        token,
        then_enqueue: Vec::new(),
    };
    queues.complete(completion).unwrap();
    let writes = queues.take_writes();
    assert_eq!(keys(&writes), [RecordKey::Head(0), RecordKey::Body(0)]);
    assert!(writes[0].value.is_some() && writes[1].value.is_none());
    queues.tick(1_000 + QueueConfig::default().retention_ms as i64);
    assert!(
        queues
            .take_writes()
            .iter()
            .all(|write| write.value.is_none())
    );
    assert_eq!(queues.count(&[]), []);
}

#[test]
fn one_tick_does_no_more_than_its_share() {
    let mut queues = queues();
    for id in 0..limits::MAX_TICK + 1 {
        let later = NewMessage {
            invisible_ms: 10,
            ..message(&id.to_string())
        };
        queues.enqueue(later).unwrap();
    }
    queues.tick(1_010);
    assert_eq!(queues.count(&[])[0].invisible, 1);
    assert_eq!(queues.next_timer(), Some(1_010));
    queues.tick(1_010);
    assert_eq!(queues.count(&[])[0].invisible, 0);
}

#[test]
fn time_never_goes_back() {
    let mut queues = queues();
    queues.tick(5_000);
    queues.tick(2_000);
    let mut late = message("a");
    late.not_after = Some(3_000);
    assert_eq!(queues.enqueue(late).unwrap_err().code(), "TOO_LATE");
}

#[test]
fn an_answer_that_was_given_twice_is_not_undone_by_its_first_taker() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    let demand = demand("1", "r");
    let first = lease(&mut queues, &demand);
    let second = lease(&mut queues, &demand);
    assert_eq!(first.messages, second.messages);
    queues.undo_dequeue(&demand.session, "r", first.answer);
    let token = second.messages[0].token.clone();
    assert_eq!(queues.extend(&token, None), Ok(Outcome::Done));
    queues.undo_dequeue(&demand.session, "r", second.answer);
    assert_eq!(
        queues.extend(&token, None).unwrap_err().code(),
        "LEASE_LOST"
    );
    assert_eq!(lease(&mut queues, &demand).messages[0].attempts_left, 15);
}

#[test]
fn a_dequeue_is_bounded_by_bytes() {
    let mut queues = queues();
    let large = Bytes::from(vec![0; limits::MAX_PAYLOAD_BYTES]);
    let fit = limits::MAX_DEQUEUE_BYTES / limits::MAX_PAYLOAD_BYTES;
    for id in 0..fit + 1 {
        let large = NewMessage {
            payload: large.clone(),
            ..message(&id.to_string())
        };
        queues.enqueue(large).unwrap();
    }
    let mut demand = demand("1", "r");
    demand.max = 1_024;
    assert_eq!(lease(&mut queues, &demand).messages.len(), fit);
}

#[test]
fn a_payload_that_is_not_at_hand_is_read_with_the_commit_that_needs_it() {
    let mut queues = queues();
    queues.keep_recent(0);
    queues.enqueue(message("a")).unwrap();
    queues.take_writes();
    queues.stored(queues.commits());
    let mut delivery = lease(&mut queues, &demand("1", "r"));
    assert!(delivery.messages[0].payload.is_empty());
    assert!(!queues.is_settled());
    let commit = queues.take_commit();
    assert_eq!(commit.reads.keys(), [RecordKey::Body(0).encode()]);
    assert!(!commit.writes.wait());
    let read = commit
        .reads
        .take(vec![Some(Bytes::from_static(b"payload"))]);
    delivery.fill(&read.unwrap());
    assert_eq!(delivery.messages[0].payload, "payload");
    assert!(queues.is_settled());
    lease(&mut queues, &demand("1", "r"));
    let damaged = queues.take_commit().reads.take(vec![None]);
    assert_eq!(damaged.err().unwrap().problem, "lacks its payload");
}

#[test]
fn recovery_reads_no_payloads() {
    let mut queues = queues();
    queues.enqueue(message("a")).unwrap();
    let mut recovery = Recovery::new(Arc::new(Plain));
    let records = queues.take_writes().into_iter();
    let is_read = |write: &Write| {
        let mut prefixes = Recovery::prefixes().into_iter();
        prefixes.any(|prefix| write.key.starts_with(prefix))
    };
    for write in records.filter(is_read) {
        let value = write.value.unwrap();
        recovery.record(&write.key, &value).unwrap();
    }
    let mut recovered = recovery.finish(0);
    assert_eq!(lease(&mut recovered, &demand("1", "r")).messages.len(), 1);
    assert_eq!(recovered.take_commit().reads.keys().len(), 1);
}

#[test]
fn limits_name_the_field() {
    let mut queues = queues();
    let bad: [(&str, NewMessage); 6] = [
        (
            "queue",
            NewMessage {
                queue: String::new(),
                ..message("a")
            },
        ),
        ("id", message(&"x".repeat(limits::MAX_ID_BYTES + 1))),
        (
            "payload",
            NewMessage {
                payload: vec![0; limits::MAX_PAYLOAD_BYTES + 1].into(),
                ..message("a")
            },
        ),
        (
            "attempts",
            NewMessage {
                attempts: Some(0),
                ..message("a")
            },
        ),
        (
            "invisible_ms",
            NewMessage {
                invisible_ms: u64::MAX,
                ..message("a")
            },
        ),
        (
            "reply_to",
            NewMessage {
                reply_to: Some(String::new()),
                ..message("a")
            },
        ),
    ];
    for (field, message) in bad {
        let refusal = queues.enqueue(message).unwrap_err();
        assert!(refusal.to_string().starts_with(field), "{refusal}");
    }
    let config = QueueConfig {
        lease_ms: 1,
        ..QueueConfig::default()
    };
    assert!(queues.put_queue("q", config).is_err());
    let mut none = demand("1", "r");
    none.max = 0;
    assert!(queues.dequeue(&none, &mut || 7).is_err());
}
