//! Producers and workers through storms of faults and crashes: what was
//! acknowledged is there, and is done once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{ManualClock, Timestamp};
use store::{FaultStore, MemoryStore, Store};
use timestone::{
    Completion, LeasedMessage, MessageState, NewMessage, Outcome, QueueConfig, Session,
};
use timestone_client::{DequeueRequest, Timestone, TimestoneError};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PRODUCERS: u32 = 4;
const WORKERS: u32 = 4;
const EACH: u32 = 30;

/// A queue whose process comes and goes.
#[derive(Clone)]
struct Storm {
    now: watch::Receiver<Arc<LocalTimestone>>,
    clock: ManualClock,
    /// How often the completion of each message was said to be new.
    completed: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Storm {
    /// Calls until there is an answer.
    async fn insist<T, F>(&self, call: impl Fn(Arc<LocalTimestone>) -> F) -> T
    where
        F: Future<Output = Result<T, TimestoneError>>,
    {
        loop {
            let timestone = Arc::clone(&self.now.borrow());
            match call(timestone).await {
                Ok(answer) => return answer,
                Err(TimestoneError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(refused) => panic!("{refused}"),
            }
        }
    }

    async fn produce(self, producer: u32) {
        for n in 0..EACH {
            let message = message("in", &format!("{producer}-{n}"), i64::from(n % 5));
            let enqueue = |timestone: Arc<LocalTimestone>| {
                let messages = vec![message.clone()];
                async move { timestone.enqueue(messages).await }
            };
            self.insist(enqueue).await.remove(0).unwrap();
        }
    }

    /// Works until everything has been handed on.
    async fn work(self, worker: u32) {
        for n in 0.. {
            if self.done().await {
                return;
            }
            for leased in self.lease(worker, n).await {
                self.complete(leased).await;
            }
        }
    }

    async fn done(&self) -> bool {
        let count = |timestone: Arc<LocalTimestone>| async move {
            timestone.count(&["in".to_owned()]).await
        };
        self.insist(count).await[0].completed == u64::from(PRODUCERS * EACH)
    }

    async fn lease(&self, worker: u32, n: u32) -> Vec<LeasedMessage> {
        let request = DequeueRequest {
            queues: vec!["in".into()],
            max: 3,
            wait_ms: 500,
            lease_ms: None,
            session: Session {
                owner: format!("worker {worker}"),
                boot: "1".into(),
            },
            request_id: n.to_string(),
        };
        let dequeue = |timestone: Arc<LocalTimestone>| {
            let request = request.clone();
            async move { timestone.dequeue(request).await }
        };
        self.insist(dequeue).await
    }

    /// Hands the message on; a lost lease is somebody else's message now.
    async fn complete(&self, leased: LeasedMessage) {
        let id = leased.token.key.id.clone();
        let completion = Completion {
            then_enqueue: vec![message("out", &id, 0)],
            token: leased.token,
        };
        let complete = |timestone: Arc<LocalTimestone>| {
            let completions = vec![completion.clone()];
            async move { timestone.complete(completions).await }
        };
        if self.insist(complete).await.remove(0) == Ok(Outcome::Done) {
            *self.completed.lock().unwrap().entry(id).or_default() += 1;
        }
    }
}

fn message(queue: &str, id: &str, priority: i64) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        payload: id.to_owned().into(),
        priority,
        attempts: Some(1_000_000),
        ..NewMessage::default()
    }
}

fn start(store: Arc<dyn Store>, clock: &ManualClock) -> Arc<LocalTimestone> {
    let options = OwnerOptions::new("storm");
    Arc::new(LocalTimestone::start(
        store,
        Arc::new(clock.clone()),
        options,
    ))
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_unix_ms(0))
}

/// Lets time pass for as long as anybody works.
fn let_time_pass(clock: &ManualClock) -> tokio_util::sync::DropGuard {
    let stop = CancellationToken::new();
    let (clock, stopped) = (clock.clone(), stop.clone());
    tokio::spawn(async move {
        while !stopped.is_cancelled() {
            clock.advance(Duration::from_millis(5));
            tokio::task::yield_now().await;
        }
    });
    stop.drop_guard()
}

/// Runs producers and workers until all is done.
async fn run(storm: &Storm) {
    let producers = (0..PRODUCERS).map(|n| tokio::spawn(storm.clone().produce(n)));
    let mut tasks: Vec<_> = producers.collect();
    tasks.extend((0..WORKERS).map(|n| tokio::spawn(storm.clone().work(n))));
    for task in tasks {
        task.await.unwrap();
    }
}

/// What a fresh process finds in the store.
async fn check(storm: &Storm, store: Arc<dyn Store>) {
    for (id, times) in storm.completed.lock().unwrap().iter() {
        assert_eq!(*times, 1, "{id} was completed more than once");
    }
    let fresh = start(store, &storm.clock);
    let fresh = Storm {
        now: watch::channel(fresh).1,
        ..storm.clone()
    };
    let counts = fresh
        .insist(|timestone| async move { timestone.count(&[]).await })
        .await;
    let all = u64::from(PRODUCERS * EACH);
    let found: Vec<_> = counts
        .iter()
        .map(|count| (count.queue.as_str(), count.completed, count.pending))
        .collect();
    assert_eq!(found, [("in", all, 0), ("out", 0, all)]);
}

#[tokio::test]
async fn nothing_is_lost_when_one_call_of_the_store_in_eight_fails() {
    for seed in 1..=5 {
        let clock = clock();
        let inner = Arc::new(MemoryStore::seeded(Arc::new(clock.clone()), seed));
        let faulty = Arc::new(FaultStore::seeded(Arc::clone(&inner), seed, 8));
        let (now, receiver) = watch::channel(start(faulty.clone(), &clock));
        let storm = Storm {
            now: receiver,
            clock: clock.clone(),
            completed: Arc::default(),
        };
        let passing = let_time_pass(&clock);
        run(&storm).await;
        faulty.cut();
        now.borrow().shutdown().await;
        check(&storm, inner).await;
        drop(passing);
    }
}

#[tokio::test]
async fn nothing_is_lost_when_the_process_dies_again_and_again() {
    for seed in 1..=5 {
        let clock = clock();
        let store = MemoryStore::seeded(Arc::new(clock.clone()), seed);
        let (now, receiver) = watch::channel(start(Arc::new(store.handle()), &clock));
        let storm = Storm {
            now: receiver,
            clock: clock.clone(),
            completed: Arc::default(),
        };
        let passing = let_time_pass(&clock);
        let ended = CancellationToken::new();
        let dying = tokio::spawn(die_again_and_again(
            store,
            now,
            clock.clone(),
            ended.clone(),
        ));
        run(&storm).await;
        ended.cancel();
        let store = dying.await.unwrap();
        check(&storm, Arc::new(store.crash())).await;
        drop(passing);
    }
}

/// Ends the process at any moment, and starts it anew.
async fn die_again_and_again(
    mut store: MemoryStore,
    now: watch::Sender<Arc<LocalTimestone>>,
    clock: ManualClock,
    ended: CancellationToken,
) -> MemoryStore {
    for n in 0_u32.. {
        for _ in 0..20 + n * 7 % 90 {
            tokio::task::yield_now().await;
        }
        if ended.is_cancelled() {
            break;
        }
        store = store.crash();
        now.send_replace(start(Arc::new(store.handle()), &clock));
    }
    store
}

#[tokio::test]
async fn a_message_that_was_never_acknowledged_may_be_lost_but_not_halved() {
    let clock = clock();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    let faulty = Arc::new(FaultStore::new(Arc::clone(&store)));
    let first = start(faulty.clone(), &clock);
    first.put_queue("in", QueueConfig::default()).await.unwrap();
    faulty.script(store::Call::Commit, [store::Fault::Cut]);
    let messages = (0..100).map(|n| message("in", &n.to_string(), 0)).collect();
    assert!(first.enqueue(messages).await.is_err());
    let second = start(store, &clock);
    let view = second.get(&message_key("0")).await.unwrap();
    assert!(view.is_none_or(|view| view.state == MessageState::Pending));
    let count = second.count(&["in".to_owned()]).await.unwrap().remove(0);
    assert!(count.pending == 0 || count.pending == 100, "{count:?}");
}

fn message_key(id: &str) -> timestone::MessageKey {
    timestone::MessageKey {
        queue: "in".into(),
        id: id.into(),
    }
}
