//! Clocks that are set, of the server and of the store: leases and waits last as long as they
//! were said to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock, Timestamp};
use store::{MemoryStore, Store};
use timestone::{Completion, LeasedMessage, NewMessage, Outcome, QueueConfig, Refusal, Session};
use timestone_client::{DequeueRequest, Timestone};
use timestone_server::{LocalTimestone, OwnerOptions};

const LEASE_MS: u64 = 1_000;
const HOUR_MS: i64 = 3_600_000;

/// A queue whose store has a clock of its own.
struct World {
    here: ManualClock,
    stores: ManualClock,
    store: Arc<MemoryStore>,
    timestone: LocalTimestone,
}

impl World {
    async fn new() -> Self {
        let start = Timestamp::from_unix_ms(10 * HOUR_MS);
        let (here, stores) = (ManualClock::new(start), ManualClock::new(start));
        let store = Arc::new(MemoryStore::new(Arc::new(stores.clone())));
        let options = OwnerOptions::new("one");
        let timestone =
            LocalTimestone::start(Arc::clone(&store) as _, Arc::new(here.clone()), options);
        let config = QueueConfig {
            lease_ms: LEASE_MS,
            ..QueueConfig::default()
        };
        timestone.put_queue("q", config).await.unwrap();
        Self {
            here,
            stores,
            store,
            timestone,
        }
    }

    /// Sets both clocks off by so much.
    fn jump(&self, ms: i64) {
        for clock in [&self.here, &self.stores] {
            clock.set(Timestamp::from_unix_ms(clock.now().unix_ms() + ms));
        }
    }

    fn pass(&self, ms: u64) {
        for clock in [&self.here, &self.stores] {
            clock.advance(Duration::from_millis(ms));
        }
    }

    async fn enqueue(&self, id: &str, invisible_ms: u64) {
        let message = NewMessage {
            queue: "q".into(),
            id: id.into(),
            invisible_ms,
            ..NewMessage::default()
        };
        self.timestone.enqueue(vec![message]).await.unwrap();
    }

    async fn lease(&self, request_id: &str) -> Vec<LeasedMessage> {
        let request = DequeueRequest {
            queues: vec!["q".into()],
            max: 1,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: request_id.into(),
        };
        self.timestone.dequeue(request).await.unwrap()
    }

    async fn complete(&self, leased: &LeasedMessage) -> Result<Outcome, Refusal> {
        let completion = Completion {
            token: leased.token.clone(),
            then_enqueue: Vec::new(),
        };
        let outcomes = self.timestone.complete(vec![completion]).await.unwrap();
        outcomes.into_iter().next().unwrap()
    }
}

#[tokio::test]
async fn a_lease_is_as_long_as_was_said_however_clocks_are_set() {
    for jumps in [
        vec![HOUR_MS],
        vec![-HOUR_MS],
        vec![HOUR_MS, -HOUR_MS],
        vec![5_000, -HOUR_MS],
    ] {
        let world = World::new().await;
        world.enqueue("a", 0).await;
        let first = world.lease("1").await;
        for jump in &jumps {
            world.jump(*jump);
            assert!(world.lease("2").await.is_empty(), "{jumps:?}");
        }
        world.pass(LEASE_MS - 1);
        assert!(world.lease("3").await.is_empty(), "{jumps:?}");
        world.pass(1);
        let second = world.lease("4").await;
        assert_eq!(second[0].token.delivery, 2, "{jumps:?}");
        // The stale worker wakes: refused, and nothing is changed by it.
        let stale = world.complete(&first[0]).await;
        assert_eq!(stale, Err(Refusal::LeaseLost(first[0].token.clone())));
        assert_eq!(world.complete(&second[0]).await, Ok(Outcome::Done));
    }
}

#[tokio::test]
async fn what_is_invisible_becomes_visible_in_its_time_however_clocks_are_set() {
    for jumps in [vec![-HOUR_MS], vec![HOUR_MS, -HOUR_MS]] {
        let world = World::new().await;
        for jump in &jumps {
            world.jump(*jump);
        }
        world.enqueue("a", 500).await;
        assert!(world.lease("1").await.is_empty());
        world.pass(500);
        assert_eq!(world.lease("2").await.len(), 1, "{jumps:?}");
    }
}

#[tokio::test]
async fn an_owner_whose_clock_was_set_back_keeps_its_shard() {
    let world = World::new().await;
    world.here.set(Timestamp::from_unix_ms(0));
    for second in 0..60 {
        world.pass(1_000);
        // Answered by an owner that has looked at its time.
        world.enqueue(&second.to_string(), 0).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let thief = world
        .store
        .acquire("timestone/0", "thief", Duration::from_secs(1));
    assert!(thief.await.is_err());
}
