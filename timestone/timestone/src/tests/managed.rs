//! Queues that are changed and deleted, and searches over many messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::wording::Plain;
use crate::{
    Clause, Demand, Filter, MessageState, NewMessage, Outcome, QueueConfig, Queues, Recovery,
    Search, Session, limits,
};

fn queues() -> Queues {
    let mut queues = Queues::new(Arc::new(Plain));
    queues.at(1_000);
    queues
}

fn put(queues: &mut Queues, id: usize, title: &str) {
    let message = NewMessage {
        queue: "q".into(),
        id: id.to_string(),
        payload: Bytes::from_static(b"payload"),
        metadata: [("title".to_owned(), title.to_owned())].into(),
        reply_to: Some("replies".into()),
        ..NewMessage::default()
    };
    queues.enqueue(message).unwrap();
}

fn filled(n: usize) -> Queues {
    let mut queues = queues();
    (0..n).for_each(|id| put(&mut queues, id, &(id % 10).to_string()));
    queues
}

/// As if the process had ended here.
fn recovered(queues: &mut Queues, store: &mut Vec<(Bytes, Option<Bytes>)>) -> Queues {
    let newest: BTreeMap<_, _> = store.iter().cloned().collect();
    let commit = queues.take_commit();
    let values = commit.reads.keys().into_iter();
    let values = values.map(|key| newest.get(&key).cloned().flatten());
    let read = commit.reads.take(values.collect()).unwrap();
    let writes = commit.writes.records(&read).into_iter();
    store.extend(writes.map(|write| (write.key, write.value)));
    let newest: BTreeMap<_, _> = store.iter().cloned().collect();
    let mut recovery = Recovery::new(Arc::new(Plain));
    for (key, value) in newest {
        if let Some(value) = value {
            recovery.record(&key, &value).unwrap();
        }
    }
    recovery.finish(1_000)
}

#[test]
fn a_large_queue_is_deleted_step_by_step_even_over_a_crash() {
    let mut queues = filled(limits::MAX_TICK * 3);
    let refused = queues.delete_queue("q", false).unwrap_err();
    assert_eq!(refused.code(), "QUEUE_NOT_EMPTY");
    assert_eq!(queues.delete_queue("q", true), Ok(Outcome::Done));
    assert_eq!(queues.delete_queue("q", true), Ok(Outcome::Duplicate));
    assert!(queues.queue("q").unwrap().deleting);
    let late = NewMessage {
        queue: "q".into(),
        id: "late".into(),
        ..NewMessage::default()
    };
    assert_eq!(queues.enqueue(late).unwrap_err().code(), "QUEUE_DELETING");
    let put = queues.put_queue("q", QueueConfig::default());
    assert_eq!(put.unwrap_err().code(), "QUEUE_DELETING");
    let mut store = Vec::new();
    let mut queues = recovered(&mut queues, &mut store);
    assert!(queues.queue("q").unwrap().deleting);
    while queues.next_timer() == Some(1_000) {
        queues.tick(1_000);
    }
    assert_eq!(queues.queue("q"), None);
    let told = queues.count(&["replies".into()])[0].pending;
    assert_eq!(told, limits::MAX_TICK as u64 * 3);
    assert_eq!(recovered(&mut queues, &mut store).queue("q"), None);
}

#[test]
fn a_queue_that_only_remembers_is_deleted_without_force() {
    let mut queues = filled(1);
    let key = crate::MessageKey {
        queue: "q".into(),
        id: "0".into(),
    };
    queues.cancel(&key, "").unwrap();
    assert_eq!(queues.delete_queue("q", false), Ok(Outcome::Done));
    assert_eq!(queues.queue("q"), None);
    assert_eq!(queues.delete_queue("q", false), Ok(Outcome::Duplicate));
}

#[test]
fn queues_are_listed_page_by_page() {
    let mut queues = queues();
    for name in ["b", "a/2", "a/1", "a/3"] {
        queues.put_queue(name, QueueConfig::default()).unwrap();
    }
    let names = |after: &str| -> Vec<_> {
        let page = queues.list("a/", after, 2).unwrap().into_iter();
        page.map(|queue| queue.count.queue).collect()
    };
    assert_eq!(names(""), ["a/1", "a/2"]);
    assert_eq!(names("a/2"), ["a/3"]);
    assert!(queues.list("", "", 0).is_err());
}

fn search(filter: Filter) -> Search {
    Search {
        queue: "q".into(),
        filter,
        cursor: Bytes::new(),
        limit: limits::MAX_PAGE,
    }
}

fn title(title: &str) -> Filter {
    Filter {
        metadata: vec![Clause::equal("title", title)],
        states: Vec::new(),
    }
}

/// Pages and messages of a search.
fn pages(queues: &Queues, mut search: Search) -> (usize, usize) {
    let (mut pages, mut messages) = (0, 0);
    loop {
        let found = queues.find(&search).unwrap();
        (pages, messages) = (pages + 1, messages + found.messages.len());
        match found.next {
            Some(next) => search.cursor = next,
            None => return (pages, messages),
        }
    }
}

#[test]
fn a_search_looks_at_so_many_messages_and_no_more() {
    let mut queues = filled(2 * limits::MAX_SCAN + 1);
    assert_eq!(pages(&queues, search(title("nobody"))), (3, 0));
    let counted = queues.count_found("q", &title("7"), &Bytes::new()).unwrap();
    assert_eq!(counted.count.pending, limits::MAX_SCAN as u64 / 10);
    assert!(counted.next.is_some());
    let indexed = QueueConfig {
        indexed: ["title".into()].into(),
        ..QueueConfig::default()
    };
    queues.put_queue("q", indexed).unwrap();
    assert_eq!(pages(&queues, search(title("nobody"))), (1, 0));
    assert_eq!(pages(&queues, search(title("7"))), (2, 2_000));
    let counted = queues.count_found("q", &title("7"), &Bytes::new()).unwrap();
    assert_eq!((counted.count.pending, counted.next), (2_000, None));
}

#[test]
fn a_page_is_bounded_by_bytes() {
    let messages = limits::MAX_DEQUEUE_BYTES / limits::MAX_ERROR_BYTES + 1;
    let mut queues = filled(messages);
    for n in 0..messages as u64 {
        let error = [0; limits::MAX_ERROR_BYTES];
        queues.edit(n, |message| message.details.set_error(Some(&error)));
    }
    assert_eq!(pages(&queues, search(Filter::default())), (2, messages));
}

#[test]
fn a_cursor_of_another_search_is_refused() {
    let mut queues = filled(3);
    for cursor in ["x", "\x01\x00\x00", "\x02\x00\x001234567890123456"] {
        let mut search = search(title("1"));
        search.cursor = cursor.into();
        assert!(queues.find(&search).is_err(), "{cursor:?}");
    }
    let indexed = QueueConfig {
        indexed: ["title".into()].into(),
        ..QueueConfig::default()
    };
    queues.put_queue("q", indexed).unwrap();
    let mut errored = search(title("1"));
    errored.filter.states = vec![MessageState::Errored];
    errored.cursor = Bytes::from_static(b"\x01\xff\xff0123456789012345");
    assert_eq!(queues.find(&errored).unwrap().messages, []);
}

#[test]
fn messages_are_found_without_their_payload() {
    let mut queues = filled(1);
    let found = queues.find(&search(title("0"))).unwrap().messages;
    assert!(found[0].payload.is_empty());
    assert!(!queues.view(&found[0].key).unwrap().payload.is_empty());
}

#[test]
fn a_subscriber_is_sent_as_much_as_it_has_room_for() {
    let mut queues = filled(5);
    let demand = Demand {
        queues: vec!["q".into()],
        max: 2,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: "s".into(),
    };
    queues.subscribe(&demand).unwrap();
    let top_up = |queues: &mut Queues| {
        let delivery = queues.top_up(&demand, &mut || 7);
        delivery.unwrap().messages
    };
    let first = top_up(&mut queues);
    assert_eq!(first.len(), 2);
    assert!(top_up(&mut queues).is_empty() && queues.take_freed().is_empty());
    queues.release(&first[0].token, true).unwrap();
    assert_eq!(queues.take_freed().len(), 1);
    assert_eq!(top_up(&mut queues)[0].token.key, first[0].token.key);
    queues.tick(first[1].lease_until);
    assert_eq!(queues.take_freed().len(), 1);
    let lapsed = top_up(&mut queues);
    assert_eq!(lapsed.len(), 2);
    queues.unsubscribe(&demand.session, "s");
    queues.release(&lapsed[0].token, true).unwrap();
    assert!(queues.take_freed().is_empty());
}
