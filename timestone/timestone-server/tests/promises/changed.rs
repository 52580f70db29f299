//! A server is killed while it spreads a queue over shards, or deletes it: whatever was stored of
//! the change by then, no message is lost to it, and the change, or another, can be made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, SharedClock};
use proptest::collection::vec;
use proptest::prelude::*;
use rpc::Token;
use store::{Call, Fault, FaultStore, MemoryStore};
use timestone::{Completion, Outcome, QueueConfig, shard_of};
use timestone_client::{Timestone, TimestoneError};
use timestone_server::{Fleet, FleetOptions};

use crate::world::{clock, demand, key, message, only};

const SHARDS: u32 = 5;
const QUEUE: &str = "q";
/// A server that is silent for so long is followed by another.
const OWNERSHIP: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Step {
    /// Spreads the queue over so many shards. The server may be killed after so many commits.
    Put(u32, Option<usize>),
    /// Deletes it, whatever it holds.
    Delete(Option<usize>),
    Enqueue,
    /// Work of a queue in this shard is done, and hands a message on.
    HandOn(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let killed = || prop::option::weighted(0.7, 0..6_usize);
    prop_oneof![
        4 => (1..=5_u32, killed()).prop_map(|(partitions, killed)| Step::Put(partitions, killed)),
        2 => killed().prop_map(Step::Delete),
        2 => Just(Step::Enqueue),
        4 => (0..SHARDS).prop_map(Step::HandOn),
    ]
}

/// A server of all shards, which can be killed.
struct Server {
    store: Arc<FaultStore<MemoryStore>>,
    fleet: Fleet,
}

impl Server {
    async fn start(memory: &Arc<MemoryStore>, clock: &ManualClock) -> Self {
        let store = Arc::new(FaultStore::new(Arc::clone(memory)));
        let mut options = FleetOptions::new(Token::random());
        (options.owner.ttl, options.shards) = (OWNERSHIP, Some(SHARDS));
        let shared: SharedClock = Arc::new(clock.clone());
        let fleet = Fleet::new(store.clone(), shared, options).await.unwrap();
        fleet.join("http://127.0.0.1:9");
        while !(fleet.is_settled() && fleet.served().len() == SHARDS as usize) {
            tokio::time::sleep(PAUSE).await;
        }
        Self { store, fleet }
    }

    /// Returns when nothing waits to be brought to another shard.
    async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 2 {
            let mut errands = 0;
            for shard in self.fleet.served() {
                errands += shard.errands_len().await.unwrap();
            }
            quiet = if errands == 0 { quiet + 1 } else { 0 };
            tokio::task::yield_now().await;
        }
    }
}

/// What was promised of the queue.
struct World {
    memory: Arc<MemoryStore>,
    clock: ManualClock,
    server: Server,
    ids: u32,
    /// Acknowledged, and not deleted since.
    kept: BTreeSet<String>,
    /// May have been deleted by a server that was killed meanwhile.
    perhaps: BTreeSet<String>,
    /// Whether a deletion was left half done.
    half: bool,
}

impl World {
    async fn new() -> Self {
        let clock = clock();
        let memory = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        Self {
            server: Server::start(&memory, &clock).await,
            memory,
            clock,
            ids: 0,
            kept: BTreeSet::new(),
            perhaps: BTreeSet::new(),
            half: false,
        }
    }

    fn queues(&self) -> Arc<dyn Timestone> {
        self.server.fleet.router()
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Put(partitions, killed) => self.put(partitions, killed).await,
            Step::Delete(killed) => self.delete(killed).await,
            // Callers are told until the deletion is repeated.
            Step::Enqueue if self.half => {}
            Step::Enqueue => self.enqueue().await,
            Step::HandOn(shard) => self.hand_on(shard).await,
        }
    }

    /// Makes a call, unless the server is killed after so many commits: `None`.
    async fn call<T: Send + 'static>(
        &mut self,
        killed: Option<usize>,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        if !self.half {
            self.server.settle().await;
        }
        let Some(commits) = killed else {
            return Some(call.await);
        };
        let store = Arc::clone(&self.server.store);
        let last = store.calls(Call::Commit) + commits as u64;
        let faults = vec![Fault::None; commits].into_iter().chain([Fault::Cut]);
        store.script(Call::Commit, faults);
        let mut task = tokio::spawn(call);
        loop {
            tokio::select! {
                done = &mut task => {
                    store.mend();
                    return Some(done.unwrap());
                }
                () = tokio::time::sleep(PAUSE) => {}
            }
            if store.calls(Call::Commit) > last {
                break;
            }
        }
        task.abort();
        self.follow().await;
        None
    }

    /// The server is gone, and another follows.
    async fn follow(&mut self) {
        self.server.store.cut();
        self.clock.advance(OWNERSHIP * 2);
        self.server = Server::start(&self.memory, &self.clock).await;
    }

    async fn put(&mut self, partitions: u32, killed: Option<usize>) {
        let queues = self.queues();
        let before = queues.queue(QUEUE).await.unwrap();
        let config = QueueConfig {
            partitions,
            ..QueueConfig::default()
        };
        let put = self
            .call(killed, async move { queues.put_queue(QUEUE, config).await })
            .await;
        let Some(put) = put else {
            return;
        };
        let stays = before.as_ref().map_or(1, |view| view.config.partitions);
        if stays == partitions {
            put.unwrap();
            self.half = false;
            return;
        }
        let messages = self.count().await;
        match put {
            Ok(()) => assert_eq!((stays, messages), (1, 0), "it was spread otherwise"),
            Err(why) => {
                let why = why.to_string();
                assert!(why.contains(&format!("partitions stays {stays}")), "{why}");
                assert!(stays > 1 || messages > 0, "{why}");
            }
        }
    }

    async fn delete(&mut self, killed: Option<usize>) {
        let queues = self.queues();
        let deleted = self
            .call(killed, async move {
                queues.delete_queues(vec![QUEUE.into()], true).await
            })
            .await;
        if let Some(deleted) = deleted {
            only(deleted.unwrap()).unwrap();
            let kept = std::mem::take(&mut self.kept);
            match std::mem::take(&mut self.half) {
                // What was on its way arrives later.
                true => self.perhaps.extend(kept),
                false => self.perhaps.clear(),
            }
            return;
        }
        self.perhaps.append(&mut self.kept);
        let home = self.queues().queue(QUEUE).await.unwrap();
        self.half = home.is_some_and(|view| view.config.partitions > 1);
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("m{}", self.ids)
    }

    async fn enqueue(&mut self) {
        let id = self.next_id();
        let outcomes = self.queues().enqueue(vec![message(QUEUE, &id, 0)]).await;
        assert_eq!(only(outcomes.unwrap()), Ok(Outcome::Done));
        self.kept.insert(id);
    }

    async fn hand_on(&mut self, shard: u32) {
        let (id, work) = (self.next_id(), work(shard));
        let queues = self.queues();
        let outcomes = queues.enqueue(vec![message(&work, &id, 0)]).await;
        only(outcomes.unwrap()).unwrap();
        let leased = only(queues.dequeue(demand(&work, 1, &id)).await.unwrap());
        let completion = Completion {
            token: leased.token,
            then_enqueue: vec![message(QUEUE, &id, 0)],
        };
        let outcomes = queues.complete(vec![completion]).await;
        only(outcomes.unwrap()).unwrap();
        self.kept.insert(id);
        if !self.half {
            self.server.settle().await;
        }
    }

    /// Messages, also those that are only remembered.
    async fn count(&self) -> u64 {
        let counts = self.queues().count(&[QUEUE.into()]).await.unwrap();
        let all = counts.iter().map(|count| {
            count.invisible + count.pending + count.running + count.completed + count.canceled
        });
        all.sum()
    }

    /// Makes a change that was left half done once more, and looks for what was promised.
    async fn check(&mut self) -> Result<(), String> {
        let home = self.queues().queue(QUEUE).await.unwrap();
        let partitions = home.map_or(1, |view| view.config.partitions);
        self.put(partitions, None).await;
        self.server.settle().await;
        let found = self.found().await.map_err(|why| why.to_string())?;
        let lost: Vec<_> = self.kept.difference(&found).collect();
        let strange = found.iter().filter(|id| !self.perhaps.contains(*id));
        let strange: Vec<_> = strange.filter(|id| !self.kept.contains(*id)).collect();
        match lost.is_empty() && strange.is_empty() {
            true => Ok(()),
            false => Err(format!("lost {lost:?}, came again {strange:?}")),
        }
    }

    /// What workers get, each message once.
    async fn found(&self) -> Result<BTreeSet<String>, TimestoneError> {
        let mut found = BTreeSet::new();
        for round in 0.. {
            let demand = demand(QUEUE, 100, &format!("found {round}"));
            let leased = self.queues().dequeue(demand).await?;
            if leased.is_empty() {
                break;
            }
            for leased in leased {
                let id = leased.token.key.id;
                assert!(found.insert(id.clone()), "{id} twice");
            }
        }
        Ok(found)
    }
}

/// A queue of this shard.
fn work(shard: u32) -> String {
    let mut names = (0..).map(|n| format!("work-{n}"));
    names.find(|name| shard_of(name, SHARDS) == shard).unwrap()
}

fn run(steps: Vec<Step>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut world = World::new().await;
        for step in steps {
            world.take(step).await;
        }
        world.check().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_change_that_is_left_half_done_loses_nothing(steps in vec(step(), 1..14)) {
        prop_assert_eq!(run(steps), Ok(()));
    }
}

/// Every place where a change can be left, and every change that may follow.
#[test]
fn another_change_can_follow_one_that_was_left_half_done() {
    let mut steps = Vec::new();
    for first in [2, 4] {
        for killed in 0..first as usize {
            for second in [1, 3, 4] {
                steps.push(Step::Put(first, Some(killed)));
                steps.extend((0..SHARDS).map(Step::HandOn));
                steps.push(Step::Delete(None));
                steps.push(Step::Put(second, None));
                steps.extend((0..SHARDS).map(Step::HandOn));
                steps.push(Step::Delete(Some(killed)));
                steps.push(Step::Delete(None));
            }
        }
    }
    assert_eq!(run(steps), Ok(()));
}

/// That what is checked can fail: a message that lies where nobody looks.
#[test]
fn a_message_in_a_shard_that_nobody_asks_is_missed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        world.take(Step::Put(4, Some(3))).await;
        let home = world.queues().queue(QUEUE).await.unwrap();
        assert_eq!(home, None, "its first shard comes last");
        let mut taken = false;
        for shard in world.server.fleet.served() {
            if shard.queue(QUEUE).await.unwrap().is_some() && !taken {
                let messages = (0..40).map(|n| message(QUEUE, &format!("x{n}"), 0));
                let outcomes = shard.enqueue(messages.collect()).await.unwrap();
                taken = outcomes.contains(&Ok(Outcome::Done));
            }
        }
        assert!(taken);
        world.kept.extend((0..40).map(|n| format!("x{n}")));
        let lost = world.check().await.unwrap_err();
        assert!(lost.contains("lost [\"x"), "{lost}");
        assert!(
            world
                .queues()
                .get(&key(QUEUE, "x0"))
                .await
                .unwrap()
                .is_none()
        );
    });
}
