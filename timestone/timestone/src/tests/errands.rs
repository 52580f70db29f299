//! Queues that live in two shards give each other what is theirs, each once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::all_payloads;
use super::wording::Plain;
use crate::{
    Completion, DeadLetter, Demand, Errand, Failure, LeasedMessage, MessageKey, MessageState,
    NewMessage, Outcome, Place, QueueConfig, Queues, Recovery, Refusal, Session, shard_of,
};

/// A shard, and the store below it.
struct Shard {
    place: Place,
    queues: Queues,
    store: BTreeMap<Bytes, Bytes>,
    requests: u32,
}

impl Shard {
    /// No payload stays in memory once it is stored.
    fn new(shard: u32) -> Self {
        let place = Place { shards: 2, shard };
        let store = BTreeMap::new();
        Self {
            place,
            queues: recovered(place, &store),
            store,
            requests: 0,
        }
    }

    /// Stores what changed.
    fn commit(&mut self) {
        let commit = self.queues.take_commit();
        let before = all_payloads(&self.store);
        for write in commit.writes.records(&before) {
            match write.value {
                Some(value) => self.store.insert(write.key, value),
                None => self.store.remove(&write.key),
            };
        }
        self.queues.stored(self.queues.commits());
    }

    /// As if its process had ended here.
    fn crash(&mut self) {
        self.queues = recovered(self.place, &self.store);
    }

    /// What waits for the other shard, by number.
    fn errands(&mut self) -> Vec<(u64, Errand)> {
        let other = 1 - self.place.shard;
        let waiting = self.queues.errands(other, 100, 1 << 20);
        self.commit();
        let read = all_payloads(&self.store);
        let waiting = waiting.into_iter();
        waiting
            .map(|errand| (errand.number, errand.filled(&read)))
            .collect()
    }

    fn lease(&mut self, queue: &str) -> Option<LeasedMessage> {
        self.requests += 1;
        let demand = Demand {
            queues: vec![queue.into()],
            max: 1,
            lease_ms: None,
            filter: None,
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: self.requests.to_string(),
        };
        let mut delivery = self.queues.dequeue(&demand, &mut || 7).unwrap();
        self.commit();
        delivery.fill(&all_payloads(&self.store));
        delivery.messages.pop()
    }

    fn view(&mut self, queue: &str, id: &str) -> Option<crate::MessageView> {
        let shown = self.queues.get(&key(queue, id))?;
        self.commit();
        Some(shown.filled(&all_payloads(&self.store)))
    }
}

fn recovered(place: Place, store: &BTreeMap<Bytes, Bytes>) -> Queues {
    let mut recovery = Recovery::new(Arc::new(Plain)).at(place);
    for (key, value) in store {
        recovery.record(key, value).unwrap();
    }
    let mut queues = recovery.finish(1_000);
    queues.keep_recent(0);
    queues
}

/// Two shards, a queue of the first, and one of the second.
fn shards() -> (Shard, Shard, String, String) {
    let named = |shard| {
        let mut names = (0..).map(|n| format!("q{n}"));
        names.find(|name| shard_of(name, 2) == shard).unwrap()
    };
    (Shard::new(0), Shard::new(1), named(0), named(1))
}

/// Does at `to` what `from` wants done, twice, with a crash of both in between.
fn run(from: &mut Shard, to: &mut Shard) -> usize {
    let errands = from.errands();
    let receive = |to: &mut Shard| {
        let errands = errands.iter();
        let outcomes = errands.map(|(_, errand)| to.queues.receive(errand.clone()).unwrap());
        let done = outcomes.filter(|outcome| *outcome == Outcome::Done).count();
        to.commit();
        done
    };
    let done = receive(to);
    from.crash();
    to.crash();
    assert_eq!(from.errands(), errands);
    assert_eq!(receive(to), 0, "received twice");
    let numbers: Vec<_> = errands.iter().map(|(number, _)| *number).collect();
    from.queues.errands_done(to.place.shard, &numbers);
    from.commit();
    assert_eq!((from.queues.errands_len(), from.errands()), (0, Vec::new()));
    done
}

fn message(queue: &str, id: &str) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        payload: format!("payload of {id}").into(),
        priority: 5,
        metadata: [("title".to_owned(), "x".to_owned())].into(),
        ..NewMessage::default()
    }
}

fn key(queue: &str, id: &str) -> MessageKey {
    MessageKey {
        queue: queue.into(),
        id: id.into(),
    }
}

fn fails(leased: &LeasedMessage) -> Failure {
    Failure {
        token: leased.token.clone(),
        error: Bytes::from_static(b"broken"),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    }
}

#[test]
fn work_is_handed_on_with_the_completion_or_not_at_all() {
    let (mut here, mut there, a, b) = shards();
    here.queues.enqueue(message(&a, "first")).unwrap();
    here.commit();
    let leased = here.lease(&a).unwrap();
    let mut completion = Completion {
        token: leased.token,
        then_enqueue: vec![NewMessage {
            not_after: Some(1),
            ..message(&b, "second")
        }],
    };
    let late = here.queues.complete(completion.clone());
    assert_eq!(late, Err(Refusal::TooLate(key(&b, "second"))));
    assert_eq!(here.queues.errands_len(), 0);
    completion.then_enqueue[0].not_after = Some(1_000);
    assert_eq!(here.queues.complete(completion.clone()), Ok(Outcome::Done));
    here.commit();
    here.crash();
    assert_eq!(here.queues.complete(completion), Ok(Outcome::Duplicate));
    assert_eq!(here.queues.errands_for(), [1].into());
    assert_eq!(run(&mut here, &mut there), 1);
    let handed = there.lease(&b).unwrap();
    assert_eq!(handed.token.key.id, "second");
    assert_eq!(
        (&*handed.payload, handed.priority),
        (&b"payload of second"[..], 5)
    );
    assert_eq!(handed.metadata["title"], "x");
}

#[test]
fn what_is_handed_on_meets_a_full_queue_and_a_tombstone_as_it_would_here() {
    let (mut here, mut there, a, b) = shards();
    let full = QueueConfig {
        enqueue_blocked: true,
        ..QueueConfig::default()
    };
    there.queues.put_queue(&b, full).unwrap();
    there.queues.cancel(&key(&b, "unwanted"), "").unwrap();
    here.queues.enqueue(message(&a, "first")).unwrap();
    let leased = here.lease(&a).unwrap();
    let unwanted = NewMessage {
        reply_to: Some(a.clone()),
        ..message(&b, "unwanted")
    };
    let completion = Completion {
        token: leased.token,
        then_enqueue: vec![message(&b, "second"), unwanted],
    };
    here.queues.complete(completion).unwrap();
    here.commit();
    run(&mut here, &mut there);
    assert_eq!(
        there.view(&b, "second").unwrap().state,
        MessageState::Pending
    );
    assert_eq!(
        there.view(&b, "unwanted").unwrap().state,
        MessageState::Canceled
    );
    assert_eq!(run(&mut there, &mut here), 1);
    let told = here.lease(&a).unwrap();
    assert_eq!(told.token.key.id, crate::terminated_id(&b, "unwanted"));
}

#[test]
fn the_end_of_a_message_is_told_elsewhere_with_what_it_carried() {
    let (mut here, mut there, a, b) = shards();
    let told = NewMessage {
        reply_to: Some(b.clone()),
        ..message(&a, "first")
    };
    here.queues.enqueue(told).unwrap();
    here.commit();
    // Its payload is in the store alone.
    here.queues.cancel(&key(&a, "first"), "enough").unwrap();
    here.commit();
    assert_eq!(run(&mut here, &mut there), 1);
    let terminated = there.lease(&b).unwrap();
    assert_eq!(terminated.token.key.id, crate::terminated_id(&a, "first"));
    let text = String::from_utf8_lossy(&terminated.payload).into_owned();
    assert!(text.contains("payload of first"), "{text}");
}

fn dead_letters(copy: bool) -> (Shard, Shard, String, String) {
    let (mut here, there, a, b) = shards();
    let config = QueueConfig {
        dead_letter: Some(DeadLetter {
            queue: b.clone(),
            copy,
        }),
        ..QueueConfig::default()
    };
    here.queues.put_queue(&a, config).unwrap();
    here.queues.enqueue(message(&a, "first")).unwrap();
    let leased = here.lease(&a).unwrap();
    here.queues.fail(fails(&leased)).unwrap();
    here.commit();
    (here, there, a, b)
}

#[test]
fn a_dead_letter_goes_to_another_shard_and_comes_back() {
    let (mut here, mut there, a, b) = dead_letters(false);
    assert_eq!(run(&mut here, &mut there), 1);
    let id = crate::dead_letter_id(&a, "first", 1);
    let letter = there.view(&b, &id).unwrap();
    assert_eq!(&*letter.payload, b"payload of first");
    assert_eq!(letter.error.as_deref(), Some(&b"broken"[..]));
    assert!(here.view(&a, "first").unwrap().payload.is_empty());
    let home = key(&a, "first");
    let gone = Err(Refusal::PayloadGone(home.clone()));
    assert_eq!(here.queues.redrive(&home, None), gone);
    let leased = there.lease(&b).unwrap();
    let (letter, recall) = (key(&b, &id), Some(3));
    assert_eq!(there.queues.recall(&letter, &home, recall), gone);
    there.queues.release(&leased.token, true).unwrap();
    assert_eq!(
        there.queues.recall(&letter, &home, recall),
        Ok(Outcome::Done)
    );
    let again = there.queues.recall(&letter, &home, recall);
    assert_eq!(again, Ok(Outcome::Duplicate));
    there.commit();
    assert_eq!(there.view(&b, &id), None);
    assert_eq!(run(&mut there, &mut here), 1);
    let again = here.lease(&a).unwrap();
    assert_eq!(
        (&*again.payload, again.attempts_left),
        (&b"payload of first"[..], 2)
    );
    assert_eq!(again.metadata["title"], "x");
}

#[test]
fn a_copied_letter_leaves_the_message_as_it_is() {
    let (mut here, mut there, a, b) = dead_letters(true);
    assert_eq!(run(&mut here, &mut there), 1);
    let letter = there.view(&b, &crate::dead_letter_id(&a, "first", 1));
    assert_eq!(&*letter.unwrap().payload, b"payload of first");
    assert_eq!(
        &*here.view(&a, "first").unwrap().payload,
        b"payload of first"
    );
}

#[test]
fn what_comes_back_to_a_forgotten_message_is_a_message() {
    let (mut here, mut there, a, b) = dead_letters(false);
    run(&mut here, &mut there);
    let letter = key(&b, &crate::dead_letter_id(&a, "first", 1));
    there
        .queues
        .recall(&letter, &key(&a, "first"), None)
        .unwrap();
    there.commit();
    here.queues.tick(1_000 + 86_400_000);
    here.commit();
    assert_eq!(here.view(&a, "first"), None);
    run(&mut there, &mut here);
    assert_eq!(&*here.lease(&a).unwrap().payload, b"payload of first");
}

#[test]
fn a_letter_waits_until_its_queue_is_deleted() {
    let (mut here, mut there, _, b) = dead_letters(false);
    there.queues.enqueue(message(&b, "other")).unwrap();
    there.queues.index.queues.get_mut(&*b).unwrap().deleting = true;
    let errands = here.errands();
    let refused = there.queues.receive(errands[0].1.clone()).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
}

#[test]
fn errands_come_by_so_many_and_so_large() {
    let (mut here, _, a, b) = shards();
    here.queues.enqueue(message(&a, "first")).unwrap();
    let leased = here.lease(&a).unwrap();
    let completion = Completion {
        token: leased.token,
        then_enqueue: (0..9).map(|id| message(&b, &id.to_string())).collect(),
    };
    here.queues.complete(completion).unwrap();
    assert_eq!(here.queues.errands(1, 4, 1 << 20).len(), 4);
    assert_eq!(here.queues.errands(1, 9, 30).len(), 2);
    assert_eq!(here.queues.errands(1, 9, 1).len(), 1, "one goes always");
    assert_eq!(here.queues.errands(0, 9, 1 << 20).len(), 0);
}

proptest! {
    /// Whatever is done twice, and whoever dies: each message is there once.
    #[test]
    fn everything_arrives_once(steps in prop::collection::vec((0..6_u8, 0..9_u8), 1..60)) {
        let (mut here, mut there, a, b) = shards();
        let (mut made, mut sent) = (0, 0);
        for (step, pick) in steps {
            match step {
                0 => {
                    let outcome = here.queues.enqueue(message(&a, &pick.to_string()));
                    made += usize::from(outcome == Ok(Outcome::Done));
                }
                1 => if let Some(leased) = here.lease(&a) {
                    let id = &leased.token.key.id;
                    let then_enqueue = vec![message(&b, &format!("after {id}"))];
                    let token = leased.token;
                    here.queues.complete(Completion { token, then_enqueue }).unwrap();
                    sent += 1;
                },
                2 => here.commit(),
                3 => {
                    here.commit();
                    here.crash();
                }
                4 => {
                    for (_, errand) in here.errands() {
                        there.queues.receive(errand).unwrap();
                    }
                    there.commit();
                }
                _ => {
                    here.commit();
                    run(&mut here, &mut there);
                }
            }
        }
        here.commit();
        run(&mut here, &mut there);
        let mut arrived = 0;
        while let Some(leased) = there.lease(&b) {
            let payload = format!("payload of {}", leased.token.key.id);
            prop_assert_eq!(&*leased.payload, payload.as_bytes());
            arrived += 1;
        }
        prop_assert_eq!(arrived, sent);
        prop_assert!(sent <= made);
    }
}
