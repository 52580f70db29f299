//! What is seen of the queues when something is slow or fails.

#![allow(clippy::unwrap_used, reason = "a test may insist")]

use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, Timestamp};
use futures::StreamExt;
use store::{Call, Fault, FaultStore, MemoryStore};
use timestone::{Happening, MessageKey, NewMessage};
use timestone_client::{Timestone, TimestoneError, WatchRequest};
use timestone_server::{HistoryOptions, LocalTimestone, OwnerOptions};

type Faulty = Arc<FaultStore<MemoryStore>>;

struct World {
    queue: LocalTimestone,
    clock: ManualClock,
    store: Faulty,
    history: Faulty,
}

fn world() -> World {
    let clock = ManualClock::new(Timestamp::from_unix_ms(1_000_000));
    let store = || {
        let store = MemoryStore::new(Arc::new(clock.clone()));
        Arc::new(FaultStore::new(Arc::new(store)))
    };
    let (store, history) = (store(), store());
    let options = OwnerOptions {
        history: Some(HistoryOptions {
            store: history.clone(),
            keep: Duration::from_secs(1_000),
            max_bytes: 1 << 20,
        }),
        ..OwnerOptions::new("test")
    };
    World {
        queue: LocalTimestone::start(store.clone(), Arc::new(clock.clone()), options),
        clock,
        store,
        history,
    }
}

impl World {
    async fn enqueue(&self, id: &str) -> Result<(), TimestoneError> {
        let message = NewMessage {
            queue: "q".into(),
            id: id.into(),
            ..NewMessage::default()
        };
        let outcomes = self.queue.enqueue(vec![message]).await?;
        assert!(outcomes[0].is_ok());
        Ok(())
    }

    async fn history(&self, id: &str) -> Result<Vec<Happening>, TimestoneError> {
        let key = MessageKey {
            queue: "q".into(),
            id: id.into(),
        };
        let history = self.queue.history(&key).await?;
        Ok(history.events.iter().map(|event| event.happening).collect())
    }
}

#[tokio::test]
async fn a_watcher_that_is_slow_is_told_so_and_counts_anew() {
    let world = world();
    let mut watch = world.queue.watch(WatchRequest::of("q")).await.unwrap();
    for n in 0..1_000 {
        world.enqueue(&n.to_string()).await.unwrap();
    }
    let first = watch.next().await.unwrap().unwrap();
    assert_eq!((first.count.pending, first.missed), (0, false));
    let anew = watch.next().await.unwrap().unwrap();
    assert_eq!((anew.count.pending, anew.missed), (1_000, true));
    world.enqueue("more").await.unwrap();
    let next = watch.next().await.unwrap().unwrap();
    assert_eq!((next.count.pending, next.missed), (1_001, false));
    assert_eq!(&*next.events[0].id, "more");
}

#[tokio::test]
async fn what_was_not_stored_is_not_told() {
    let world = world();
    let mut watch = world.queue.watch(WatchRequest::of("q")).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().count.pending, 0);
    world.store.script(Call::Commit, [Fault::UnknownLost]);
    assert!(world.enqueue("lost").await.is_err());
    while let Err(error) = world.enqueue("kept").await {
        assert!(matches!(error, TimestoneError::Unavailable(_)));
        world.clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
    let told = watch.next().await.unwrap().unwrap();
    assert_eq!((told.count.pending, told.missed), (1, true));
    assert_eq!(world.history("lost").await.unwrap(), []);
    assert_eq!(world.history("kept").await.unwrap(), [Happening::Enqueued]);
}

#[tokio::test]
async fn the_queue_does_not_wait_for_its_history() {
    let world = world();
    world.enqueue("before").await.unwrap();
    assert_eq!(world.history("before").await.unwrap().len(), 1);
    world.history.cut();
    for n in 0..100 {
        world.enqueue(&n.to_string()).await.unwrap();
    }
    let error = world.history("7").await.unwrap_err();
    assert!(matches!(error, TimestoneError::Unavailable(_)), "{error}");
    world.history.mend();
    assert_eq!(world.history("7").await.unwrap(), [Happening::Enqueued]);
    assert_eq!(world.queue.missed_events(), 0);
}

#[tokio::test]
async fn what_may_have_been_written_is_told_once() {
    for fault in [Fault::UnknownApplied, Fault::UnknownLost] {
        let world = world();
        world.history.script(Call::Commit, [fault]);
        world.enqueue("m").await.unwrap();
        // Fails, and is done again with the next.
        world.history("m").await.unwrap();
        world.enqueue("n").await.unwrap();
        for id in ["m", "n"] {
            assert_eq!(world.history(id).await.unwrap(), [Happening::Enqueued]);
        }
    }
}
