//! Workers of several shards take from each, and repeat what was not answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::wording::Plain;
use crate::{Completion, Delivery, Demand, NewMessage, Queues, Recovery, Session, Taken};

/// An owner, what it has stored, and a worker that has room for everything.
struct Shard {
    queues: Queues,
    store: BTreeMap<Bytes, Bytes>,
    nonce: u64,
    now: i64,
}

impl Shard {
    fn new() -> Self {
        let mut queues = Queues::new(Arc::new(Plain));
        queues.at(1_000);
        Self {
            queues,
            store: BTreeMap::new(),
            nonce: 0,
            now: 1_000,
        }
    }

    fn enqueue(&mut self, id: &str, priority: i64) {
        let message = NewMessage {
            queue: "q".into(),
            id: id.into(),
            priority,
            ..NewMessage::default()
        };
        self.queues.enqueue(message).unwrap();
    }

    /// Takes up to so many, as the take of this number.
    fn take(&mut self, max: u32, number: u64) -> Delivery {
        let taken = Taken {
            number,
            ..Taken::default()
        };
        let nonce = &mut self.nonce;
        let mut draw = || {
            *nonce += 1;
            *nonce
        };
        self.queues.take(&demand(max), taken, &mut draw).unwrap()
    }

    fn complete(&mut self, delivery: &Delivery, index: usize) {
        let token = delivery.messages[index].token.clone();
        let completion = Completion {
            token,
            then_enqueue: Vec::new(),
        };
        self.queues.complete(completion).unwrap();
    }

    fn running(&self) -> usize {
        self.queues.count(&["q".into()])[0].running as usize
    }

    /// Another owner goes on, by what was stored.
    fn take_over(&mut self) {
        for write in self.queues.take_writes() {
            match write.value {
                Some(value) => drop(self.store.insert(write.key, value)),
                None => drop(self.store.remove(&write.key)),
            }
        }
        let mut recovery = Recovery::new(Arc::new(Plain));
        for (key, value) in &self.store {
            recovery.record(key, value).unwrap();
        }
        self.queues = recovery.finish(self.now);
    }
}

fn demand(max: u32) -> Demand {
    Demand {
        queues: vec!["q".into()],
        max,
        lease_ms: Some(1_000),
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: "r".into(),
    }
}

/// What identifies leases, in order.
fn proofs(delivery: &Delivery) -> Vec<(String, u64)> {
    let tokens = delivery.messages.iter().map(|leased| &leased.token);
    tokens
        .map(|token| (token.key.id.clone(), token.nonce))
        .collect()
}

#[test]
fn the_next_owner_answers_a_repeated_take_with_the_same() {
    let mut shard = Shard::new();
    for n in 0..6 {
        shard.enqueue(&n.to_string(), 9 - n);
    }
    let first = proofs(&shard.take(2, 1));
    let second = shard.take(2, 2);
    shard.take_over();
    assert_eq!(proofs(&shard.take(2, 2)), proofs(&second));
    // It was repeated although its answer came; what followed it is known by now.
    assert_eq!(proofs(&shard.take(2, 1)), first);
    let ids = |delivery: &Delivery| -> Vec<_> {
        let proofs = proofs(delivery).into_iter();
        proofs.map(|(id, _)| id).collect()
    };
    assert_eq!(ids(&shard.take(2, 3)), ["1", "0"]);
}

#[test]
fn what_ended_meanwhile_is_not_told_again() {
    let mut shard = Shard::new();
    for n in 0..4 {
        shard.enqueue(&n.to_string(), n);
    }
    let taken = shard.take(2, 1);
    shard.complete(&taken, 0);
    shard.take_over();
    assert_eq!(proofs(&shard.take(2, 1)), proofs(&taken)[1..]);
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue(i64),
    Take(u32),
    /// The worker did not get the answer to its last take.
    Repeat(u32),
    /// One that came late, of takes before the last.
    Late(u64),
    Complete(usize),
    TakeOver,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_i64).prop_map(Step::Enqueue),
        3 => (1..4_u32).prop_map(Step::Take),
        3 => (1..4_u32).prop_map(Step::Repeat),
        1 => (1..9_u64).prop_map(Step::Late),
        2 => any::<usize>().prop_map(Step::Complete),
        2 => Just(Step::TakeOver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Every lease belongs to a take that the worker knows the answer to, or will when it
    /// repeats its last one: none is held for nobody.
    #[test]
    fn no_lease_is_lost_to_a_repeated_take(steps in vec(step(), 1..60)) {
        let mut shard = Shard::new();
        let (mut takes, mut ids) = (0_u64, 0);
        // By take, what its first answer held and was not completed.
        let mut told: BTreeMap<u64, Delivery> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Enqueue(priority) => {
                    ids += 1;
                    shard.enqueue(&ids.to_string(), priority);
                }
                Step::Take(max) => {
                    takes += 1;
                    told.insert(takes, shard.take(max, takes));
                }
                Step::Repeat(max) => {
                    if let Some(last) = told.get_mut(&takes) {
                        let again = shard.take(max, takes);
                        // Where nothing was leased, or all of it has ended, it is a new one.
                        if last.messages.is_empty() {
                            *last = again;
                        } else {
                            prop_assert_eq!(proofs(&again), proofs(last));
                        }
                    }
                }
                Step::Late(number) if number < takes => {
                    let held: usize = told.range(number + 1..).map(|(_, d)| d.messages.len()).sum();
                    if held > 0 {
                        let late = shard.take(1, number);
                        let known = told.get(&number).map(proofs).unwrap_or_default();
                        prop_assert_eq!(proofs(&late), known);
                    }
                }
                Step::Late(_) => {}
                Step::Complete(index) => {
                    let holding: Vec<_> = told.iter().filter(|(_, d)| !d.messages.is_empty()).collect();
                    if let Some(take) = index.checked_rem(holding.len()).map(|n| *holding[n].0) {
                        shard.complete(&told[&take], 0);
                        told.get_mut(&take).into_iter().for_each(|d| drop(d.messages.remove(0)));
                    }
                }
                Step::TakeOver => shard.take_over(),
            }
            let known: usize = told.values().map(|delivery| delivery.messages.len()).sum();
            prop_assert_eq!(shard.running(), known);
        }
    }
}
