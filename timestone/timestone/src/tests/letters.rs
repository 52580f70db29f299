//! Dead letters, and messages that are put back.

use std::sync::Arc;

use bytes::Bytes;

use super::wording::Plain;
use crate::{
    DeadLetter, Demand, Failure, LeasedMessage, MessageKey, MessageState, NewMessage, Outcome,
    QueueConfig, Queues, Refusal, Session,
};

fn queues(copy: bool) -> Queues {
    let mut queues = Queues::new(Arc::new(Plain));
    queues.at(1_000);
    let config = QueueConfig {
        attempts: 3,
        dead_letter: Some(DeadLetter {
            queue: "dead".into(),
            copy,
        }),
        ..QueueConfig::default()
    };
    queues.put_queue("q", config).unwrap();
    let message = NewMessage {
        queue: "q".into(),
        id: "a".into(),
        payload: Bytes::from_static(b"payload"),
        metadata: [("title".to_owned(), "x".to_owned())].into(),
        ..NewMessage::default()
    };
    queues.enqueue(message).unwrap();
    queues
}

fn lease(queues: &mut Queues, queue: &str) -> LeasedMessage {
    let demand = Demand {
        queues: vec![queue.into()],
        max: 1,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: format!("of {queue}"),
    };
    queues
        .dequeue(&demand, &mut || 7)
        .unwrap()
        .messages
        .remove(0)
}

fn fail(queues: &mut Queues) -> Failure {
    let failure = Failure {
        token: lease(queues, "q").token,
        error: Bytes::from_static(b"broken"),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    };
    queues.fail(failure.clone()).unwrap();
    failure
}

fn key() -> MessageKey {
    MessageKey {
        queue: "q".into(),
        id: "a".into(),
    }
}

#[test]
fn a_dead_letter_moves_and_comes_back_each_in_one_batch() {
    let mut queues = queues(false);
    queues.take_writes();
    let failure = fail(&mut queues);
    assert_eq!(queues.take_writes().len(), 4, "both heads, both bodies");
    let letter = lease(&mut queues, "dead");
    assert_eq!(letter.token.key.id, crate::dead_letter_id("q", "a", 1));
    assert_eq!(
        (&*letter.payload, &*letter.metadata["title"]),
        (&b"payload"[..], "x")
    );
    assert_eq!(
        queues.view(&letter.token.key).unwrap().error.unwrap(),
        "broken"
    );
    assert!(queues.view(&key()).unwrap().payload.is_empty());
    assert_eq!(
        queues.redrive(&key(), None),
        Err(Refusal::PayloadGone(key()))
    );
    queues.release(&letter.token, true).unwrap();
    queues.take_writes();
    assert_eq!(queues.redrive(&key(), None), Ok(Outcome::Done));
    assert_eq!(queues.take_writes().len(), 4);
    assert_eq!(queues.redrive(&key(), None), Ok(Outcome::Duplicate));
    assert_eq!(queues.view(&letter.token.key), None);
    assert_eq!(queues.fail(failure), Ok(Outcome::Duplicate));
    let again = lease(&mut queues, "q");
    assert_eq!((again.attempts_left, again.token.delivery), (2, 2));
    assert_eq!(
        (&*again.payload, &*again.metadata["title"]),
        (&b"payload"[..], "x")
    );
}

#[test]
fn a_copied_dead_letter_stays_when_the_message_is_put_back() {
    let mut queues = queues(true);
    fail(&mut queues);
    assert_eq!(queues.redrive(&key(), Some(1)), Ok(Outcome::Done));
    assert_eq!(queues.view(&key()).unwrap().attempts_left, 1);
    fail(&mut queues);
    let dead = queues.count(&["dead".into()]).remove(0);
    assert_eq!(dead.pending, 2);
}

#[test]
fn what_finds_no_dead_letter_queue_stays_where_it_errored() {
    let mut queues = queues(false);
    let dead = NewMessage {
        queue: "dead".into(),
        id: "other".into(),
        ..NewMessage::default()
    };
    queues.enqueue(dead).unwrap();
    queues.index.queues.get_mut("dead").unwrap().deleting = true;
    fail(&mut queues);
    let view = queues.view(&key()).unwrap();
    assert_eq!(
        (view.state, &*view.payload),
        (MessageState::Errored, &b"payload"[..])
    );
}

#[test]
fn no_queue_is_its_own_dead_letter_queue() {
    let mut queues = queues(false);
    let config = QueueConfig {
        dead_letter: Some(DeadLetter {
            queue: "q".into(),
            copy: false,
        }),
        ..QueueConfig::default()
    };
    let refused = queues.put_queue("q", config).unwrap_err().to_string();
    assert!(refused.starts_with("config.dead_letter.queue"), "{refused}");
}
