//! Random histories, done to the machine and to the model, with crashes. Set
//! PROPTEST_CASES for more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::all_payloads;
use super::model::{Model, code};
use super::step::{ALL as QUEUES, Pick, Step, crowded_step, step};
use super::watched::Watched;
use super::wording::Plain;
use crate::message::{Message, State};
use crate::{
    Clause, Completion, Counted, DeadLetter, Delivery, Demand, Failure, Fairness, Filter,
    LeaseToken, LeasedMessage, MessageKey, MessageState, MessageView, Outcome, QueueConfig,
    QueueCount, QueueKind, Queues, Recovery, Reschedule, Search,
};

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
    watched: Watched,
    /// Bytes of payloads kept in memory.
    room: usize,
    /// Answers that wait for the next commit, and what is expected of them.
    unanswered: Vec<(Delivery, Vec<LeasedMessage>)>,
}

impl Bench {
    fn new(room: usize) -> Self {
        let mut bench = Self {
            room,
            unanswered: Vec::new(),
            machine: Queues::new(Arc::new(Plain)),
            store: BTreeMap::new(),
            model: Model::default(),
            nonce: 0,
            tokens: Vec::new(),
            answers: Vec::new(),
            newest: BTreeMap::new(),
            completed: BTreeSet::new(),
            watched: Watched::default(),
        };
        bench.machine.at(0);
        bench.machine.keep_recent(room);
        bench.watched.begin(&mut bench.machine);
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
            Step::Redrive(key, attempts) => {
                let expected = self.model.redrive(&key, attempts);
                assert_eq!(code(self.machine.redrive(&key, attempts)), expected);
                self.completed.remove(&key);
            }
            Step::Reschedule {
                key,
                priority,
                visible_in,
            } => self.reschedule(Reschedule {
                key,
                priority,
                visible_at: visible_in.map(|ms| self.model.now + ms),
            }),
            Step::Block(queue, enqueue, dequeue) => self.block(queue, enqueue, dequeue),
            Step::Delete(queue, force) => {
                let expected = self.model.delete(queue, force);
                assert_eq!(code(self.machine.delete_queue(queue, force)), expected);
            }
            Step::Undo(index) => self.undo(index),
            Step::Crash => self.crash(),
        }
    }

    fn reschedule(&mut self, to: Reschedule) {
        let expected = match (to.priority, to.visible_at) {
            (None, None) => Err("INVALID_ARGUMENT"),
            _ => self.model.reschedule(&to),
        };
        assert_eq!(code(self.machine.reschedule(&to)), expected);
    }

    fn block(&mut self, queue: &str, enqueue: bool, dequeue: bool) {
        let mut config = self.machine.config_of(queue).clone();
        config.enqueue_blocked = enqueue;
        config.dequeue_blocked = dequeue;
        self.machine.put_queue(queue, config.clone()).unwrap();
        self.model.block(queue, config);
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
        let delivery = match found {
            Ok(delivery) => delivery,
            Err(refusal) => return assert_eq!(expected, Err(refusal.code())),
        };
        for leased in &delivery.messages {
            let token = leased.token.clone();
            self.newest.insert(token.key.clone(), token.delivery);
            self.tokens.push(token);
        }
        self.answers.push((demand, delivery.answer));
        self.unanswered.push((delivery, expected.unwrap()));
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

    /// Reads what is asked for, no more, stores what changed, and answers.
    fn commit(&mut self) {
        let commit = self.machine.take_commit();
        let values = commit.reads.keys().into_iter();
        let values = values.map(|key| self.store.get(&key).cloned());
        let read = commit.reads.take(values.collect()).unwrap();
        for (mut delivery, expected) in self.unanswered.drain(..) {
            delivery.fill(&read);
            assert_eq!(delivery.messages, expected);
        }
        for write in commit.writes.records(&read) {
            match write.value {
                Some(value) => self.store.insert(write.key, value),
                None => self.store.remove(&write.key),
            };
        }
        self.machine.stored(self.machine.commits());
        assert!(self.machine.recent.bytes() <= self.room);
    }

    fn view(&mut self, key: &MessageKey) -> Option<MessageView> {
        let shown = self.machine.get(key)?;
        Some(shown.filled(&all_payloads(&self.store)))
    }

    fn recovered(&self) -> Queues {
        let mut recovery = Recovery::new(Arc::new(Plain));
        for (key, value) in &self.store {
            recovery.record(key, value).unwrap();
        }
        let mut recovered = recovery.finish(self.model.now);
        recovered.keep_recent(self.room);
        recovered
    }

    /// What was stored is what was there.
    fn crash(&mut self) {
        self.commit();
        let mut recovered = self.recovered();
        assert_eq!(
            stored(&recovered, self.model.now),
            stored(&self.machine, self.model.now)
        );
        self.watched.begin(&mut recovered);
        recovered.tick(self.model.now);
        self.machine = recovered;
        self.model.crash();
    }

    /// Every onlooker sees the same, and time knows what comes next.
    fn compare(&mut self) {
        self.watched.compare(&mut self.machine);
        self.model.forget_answers();
        let keys = self.model.keys();
        assert_eq!(keys.len(), self.machine.messages.len());
        for key in keys {
            let view = self.view(&key).unwrap();
            assert_eq!(Some(&view), self.model.view(&key, view.version).as_ref());
            let waits = matches!(view.state, MessageState::Pending | MessageState::Invisible);
            assert!(!waits || view.attempts_left > 0, "{view:?} can never run");
        }
        for queue in QUEUES {
            let count = self.machine.count(&[queue.into()]).remove(0);
            assert_eq!(count, self.model.count(queue));
        }
        self.check_exclusivity();
        let completed = self.completed.iter();
        let gone = completed.filter(|key| self.machine.get(key).is_none());
        let gone: Vec<_> = gone.cloned().collect();
        for key in gone {
            self.completed.remove(&key);
        }
        let next = self.machine.next_timer();
        assert!(
            next.is_none_or(|next| next > self.model.now),
            "{next:?} is past"
        );
    }

    fn compare_searches(&self) {
        for (queue, filter) in QUEUES.iter().flat_map(|queue| {
            let filters = filters().into_iter();
            filters.map(move |filter| (queue, filter))
        }) {
            let expected = self.model.search(queue, &filter);
            let found = self.search(queue, &filter);
            assert_eq!(found, expected, "{filter:?} in {queue}");
            let count = self.machine.count_found(queue, &filter, &Bytes::new());
            let Counted { count, next } = count.unwrap();
            assert_eq!((total(&count), next), (expected.len() as u64, None));
        }
    }

    /// All pages of a search.
    fn search(&self, queue: &str, filter: &Filter) -> Vec<MessageKey> {
        let mut search = Search {
            queue: queue.into(),
            filter: filter.clone(),
            cursor: Bytes::new(),
            limit: 2,
        };
        let mut keys = Vec::new();
        loop {
            let found = self.machine.find(&search).unwrap();
            assert!(found.messages.len() <= 2);
            keys.extend(found.messages.into_iter().map(|message| message.key));
            match found.next {
                Some(next) => search.cursor = next,
                None => break,
            }
        }
        keys.sort();
        keys
    }

    /// Promise 3, whatever the model says.
    fn check_exclusivity(&self) {
        let mut leased = BTreeSet::new();
        for (_, message) in self.machine.messages.iter() {
            let config = self.machine.config_of(&message.queue);
            if let (Some(key), State::Running(_)) = (config.exclusive_key(), &message.state) {
                let value = message.details.get(key).map(str::to_owned);
                let value = (message.queue.clone(), value);
                assert!(leased.insert(value.clone()), "{value:?} is leased twice");
            }
        }
    }
}

fn configs() -> [(&'static str, QueueConfig); 6] {
    let dead_letter = |copy| {
        Some(DeadLetter {
            queue: "dead".into(),
            copy,
        })
    };
    let small = QueueConfig {
        lease_ms: 150,
        attempts: 2,
        retention_ms: 400,
        max_depth: 3,
        indexed: ["tenant".into()].into(),
        dead_letter: dead_letter(false),
        ..QueueConfig::default()
    };
    let instant = QueueConfig {
        retention_ms: 0,
        attempts: 3,
        ..QueueConfig::default()
    };
    let exclusive = QueueConfig {
        kind: QueueKind::Exclusive {
            key: "project".into(),
        },
        attempts: 2,
        lease_ms: 150,
        indexed: ["tenant".into()].into(),
        dead_letter: dead_letter(true),
        ..QueueConfig::default()
    };
    let fair = QueueConfig {
        fairness: Some(Fairness {
            key: "tenant".into(),
            weights: [("m".into(), 3), ("n".into(), 2)].into(),
        }),
        invisible_ms: 3,
        ..QueueConfig::default()
    };
    let both = QueueConfig {
        kind: exclusive.kind.clone(),
        dead_letter: dead_letter(false),
        ..fair.clone()
    };
    let dead = QueueConfig {
        attempts: 1,
        indexed: ["project".into(), "tenant".into()].into(),
        ..QueueConfig::default()
    };
    [
        ("a", small),
        ("b", instant),
        ("exclusive", exclusive),
        ("fair", fair),
        ("both", both),
        ("dead", dead),
    ]
}

/// With and without keys, indexed or not, and states.
fn filters() -> [Filter; 4] {
    let tenants = Clause {
        key: "tenant".into(),
        any_of: vec!["m".into(), "o".into(), "m".into()],
    };
    let filter = |metadata: Vec<Clause>, states: &[MessageState]| Filter {
        metadata,
        states: states.to_vec(),
    };
    [
        filter(vec![], &[]),
        filter(vec![], &[MessageState::Errored, MessageState::Pending]),
        filter(vec![tenants.clone()], &[]),
        filter(
            vec![tenants, Clause::equal("project", "x")],
            &[MessageState::Pending, MessageState::Running],
        ),
    ]
}

fn total(count: &QueueCount) -> u64 {
    count.invisible
        + count.pending
        + count.running
        + count.completed
        + count.canceled
        + count.errored
}

/// All messages, without what is not stored: when leases end, and that an
/// invisible message has become visible.
fn stored(machine: &Queues, now: i64) -> BTreeMap<u64, Message> {
    let messages = machine.messages.iter();
    messages
        .map(|(sequence, message)| (sequence, settled(message.into_owned(), now)))
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

/// Room for no payload, for some, and for all.
fn rooms() -> impl Strategy<Value = usize> {
    select(vec![0, 500, usize::MAX])
}

proptest! {
    #[test]
    fn the_machine_does_what_the_model_does(
        steps in vec((step(), prop::bool::weighted(0.4)), 1..80),
        room in rooms(),
    ) {
        let mut bench = Bench::new(room);
        for (step, commit) in steps {
            bench.apply(step);
            bench.pass(0);
            if commit {
                bench.commit();
            }
            bench.compare();
        }
        bench.compare_searches();
        bench.crash();
        bench.compare();
        bench.compare_searches();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_crowded_machine_does_what_the_model_does(
        steps in vec((crowded_step(), prop::bool::weighted(0.4)), 100..300),
        room in rooms(),
    ) {
        let mut bench = Bench::new(room);
        for (step, commit) in steps {
            bench.apply(step);
            bench.pass(0);
            if commit {
                bench.commit();
            }
        }
        bench.compare();
        bench.compare_searches();
        bench.crash();
        bench.compare();
    }
}
