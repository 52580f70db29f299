//! Random histories, done to the machine and to the model, with crashes. Set
//! PROPTEST_CASES for more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Model, code};
use super::step::{Pick, Step, step};
use super::wording::Plain;
use crate::message::{Message, State};
use crate::{
    Completion, Delivery, Demand, Failure, LeaseToken, MessageKey, MessageState, Outcome,
    QueueConfig, Queues, Recovery,
};

const QUEUES: [&str; 3] = ["a", "b", "replies"];

/// A machine, the store below it, the model beside it, and what workers know.
struct Bench {
    machine: Queues,
    store: BTreeMap<Bytes, Bytes>,
    model: Model,
    nonce: u64,
    tokens: Vec<LeaseToken>,
    answers: Vec<(Demand, u32)>,
    /// The number of the newest delivery of each message that is remembered.
    newest: BTreeMap<MessageKey, u32>,
    completed: BTreeSet<MessageKey>,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            machine: Queues::new(Arc::new(Plain)),
            store: BTreeMap::new(),
            model: Model::default(),
            nonce: 0,
            tokens: Vec::new(),
            answers: Vec::new(),
            newest: BTreeMap::new(),
            completed: BTreeSet::new(),
        };
        bench.machine.at(0);
        for (queue, config) in configs() {
            bench.machine.put_queue(queue, config.clone()).unwrap();
            bench.model.configs.insert(queue.into(), config);
        }
        bench
    }

    fn token(&self, pick: Pick) -> Option<LeaseToken> {
        let index = pick.index.checked_rem(self.tokens.len())?;
        let mut token = self.tokens[index].clone();
        token.nonce += u64::from(pick.forged) << 32;
        Some(token)
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Pass(ms) => self.pass(ms),
            Step::Enqueue(message) => {
                let expected = self.model.enqueue(&message);
                assert_eq!(code(self.machine.enqueue(message)), expected);
            }
            Step::Dequeue(demand) => self.dequeue(demand),
            Step::Complete(pick, then_enqueue) => {
                let completion = self.token(pick).map(|token| Completion {
                    token,
                    then_enqueue,
                });
                completion
                    .into_iter()
                    .for_each(|completion| self.complete(completion));
            }
            Step::Fail {
                pick,
                retry_in_ms,
                last,
                then_enqueue,
            } => {
                let failure = self.token(pick).map(|token| Failure {
                    token,
                    error: Bytes::from_static(b"it failed"),
                    retry_in_ms,
                    last,
                    then_enqueue,
                });
                failure.into_iter().for_each(|failure| {
                    let expected = self.model.fail(&failure);
                    assert_eq!(code(self.machine.fail(failure)), expected);
                });
            }
            Step::Release(pick, refund) => self.token(pick).into_iter().for_each(|token| {
                let expected = self.model.release(&token, refund);
                assert_eq!(code(self.machine.release(&token, refund)), expected);
            }),
            Step::Extend(pick, lease_ms) => self.token(pick).into_iter().for_each(|token| {
                let expected = self.model.extend(&token, lease_ms);
                assert_eq!(code(self.machine.extend(&token, lease_ms)), expected);
            }),
            Step::Cancel(key) => {
                let expected = self.model.cancel(&key, "enough");
                assert_eq!(self.machine.cancel(&key, "enough"), Ok(expected));
            }
            Step::Undo(index) => self.undo(index),
            Step::Crash => self.crash(),
        }
    }

    fn pass(&mut self, ms: u64) {
        self.model.pass(ms);
        self.machine.tick(self.model.now);
    }

    fn dequeue(&mut self, demand: Demand) {
        let mut nonces = self.nonce..;
        let expected = self.model.dequeue(&demand, &mut || nonces.next().unwrap());
        let mut nonces = self.nonce..;
        let found = self
            .machine
            .dequeue(&demand, &mut || nonces.next().unwrap());
        self.nonce = nonces.next().unwrap();
        let Delivery { messages, answer } = match found {
            Ok(delivery) => delivery,
            Err(refusal) => return assert_eq!(expected, Err(refusal.code())),
        };
        assert_eq!(Ok(&messages), expected.as_ref());
        for token in messages.into_iter().map(|leased| leased.token) {
            self.newest.insert(token.key.clone(), token.delivery);
            self.tokens.push(token);
        }
        self.answers.push((demand, answer));
    }

    /// A message is completed once, and by its newest delivery alone.
    fn complete(&mut self, completion: Completion) {
        let token = completion.token.clone();
        let expected = self.model.complete(&completion);
        let outcome = code(self.machine.complete(completion));
        assert_eq!(outcome, expected);
        if outcome == Ok(Outcome::Done) {
            assert!(self.completed.insert(token.key.clone()), "{token:?} twice");
            assert_eq!(self.newest.get(&token.key), Some(&token.delivery));
        }
    }

    fn undo(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.answers.len()) else {
            return;
        };
        let (demand, answer) = self.answers[index].clone();
        self.model.undo(&demand.session, &demand.request_id, answer);
        self.machine
            .undo_dequeue(&demand.session, &demand.request_id, answer);
    }

    fn commit(&mut self) {
        for write in self.machine.take_writes() {
            match write.value {
                Some(value) => self.store.insert(write.key, value),
                None => self.store.remove(&write.key),
            };
        }
    }

    fn recovered(&self) -> Queues {
        let mut recovery = Recovery::new(Arc::new(Plain));
        for (key, value) in &self.store {
            recovery.record(key, value.clone()).unwrap();
        }
        recovery.finish(self.model.now).unwrap()
    }

    /// What was stored is what was there.
    fn crash(&mut self) {
        self.commit();
        let mut recovered = self.recovered();
        assert_eq!(
            stored(&recovered, self.model.now),
            stored(&self.machine, self.model.now)
        );
        recovered.tick(self.model.now);
        self.machine = recovered;
        self.model.crash();
    }

    /// Every onlooker sees the same, and time knows what comes next.
    fn compare(&mut self) {
        self.model.forget_answers();
        let keys = self.model.keys();
        assert_eq!(keys.len(), self.machine.messages.len());
        for key in keys {
            let view = self.machine.get(&key).unwrap();
            assert_eq!(Some(&view), self.model.view(&key, view.version).as_ref());
            self.check_attempts(&key, view.state);
        }
        for queue in QUEUES {
            let count = self.machine.count(&[queue.into()]).remove(0);
            assert_eq!(count, self.model.count(queue));
        }
        self.completed.retain(|key| self.machine.get(key).is_some());
        let next = self.machine.next_timer();
        assert!(
            next.is_none_or(|next| next > self.model.now),
            "{next:?} is past"
        );
    }

    fn check_attempts(&self, key: &MessageKey, state: MessageState) {
        let view = self.machine.get(key).unwrap();
        let waits = matches!(state, MessageState::Pending | MessageState::Invisible);
        assert!(!waits || view.attempts_left > 0, "{view:?} can never run");
    }
}

fn configs() -> [(&'static str, QueueConfig); 2] {
    let small = QueueConfig {
        lease_ms: 150,
        attempts: 2,
        retention_ms: 400,
        max_depth: 3,
    };
    let instant = QueueConfig {
        retention_ms: 0,
        attempts: 3,
        ..QueueConfig::default()
    };
    [("a", small), ("b", instant)]
}

/// All messages, without what is not stored: when leases end, and that an
/// invisible message has become visible.
fn stored(machine: &Queues, now: i64) -> BTreeMap<u64, Message> {
    let messages = machine.messages.clone().into_iter();
    messages
        .map(|(sequence, message)| (sequence, settled(message, now)))
        .collect()
}

fn settled(mut message: Message, now: i64) -> Message {
    match &mut message.state {
        State::Running(lease) => lease.until = 0,
        State::Invisible { until } if *until <= now => message.state = State::Pending,
        _ => {}
    }
    message
}

proptest! {
    #[test]
    fn the_machine_does_what_the_model_does(steps in vec(step(), 1..80)) {
        let mut bench = Bench::new();
        for step in steps {
            bench.apply(step);
            bench.pass(0);
            bench.compare();
        }
        bench.crash();
        bench.compare();
    }
}
