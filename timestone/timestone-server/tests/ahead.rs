//! Messages sent before they are on stable storage, to one who stores what follows in the same
//! store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use futures::StreamExt;
use store::{
    Ahead, Batch, Entry, Fence, Held, KeyRange, MemoryStore, Snapshot, Store, StoreError, Walk,
};
use timestone::{Completion, LeasedMessage, MessageKey, MessageState, NewMessage, Session};
use timestone_client::{
    DequeueRequest, Outcomes, SubscribeRequest, Subscription, Timestone, TimestoneError,
};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Stores what has its place with the next commit only, if at all.
#[derive(Debug)]
struct LazyStore {
    inner: MemoryStore,
    placed: Mutex<Vec<Placed>>,
    /// Whether the disk takes its time: nothing is stored but by [`Self::release`].
    is_slow: AtomicBool,
}

type Placed = (Fence, Batch, oneshot::Sender<Result<(), StoreError>>);

impl LazyStore {
    fn take(&self) -> Vec<Placed> {
        std::mem::take(&mut *self.placed.lock().unwrap())
    }

    fn placed(&self) -> usize {
        self.placed.lock().unwrap().len()
    }

    /// The disk is done with what has its place.
    async fn release(&self) {
        for (fence, batch, answer) in self.take() {
            let _ = answer.send(self.inner.commit(&fence, batch).await);
        }
    }

    /// Until so many commits have their place.
    async fn until_placed(&self, count: usize) {
        while self.placed() < count {
            tokio::task::yield_now().await;
        }
    }

    /// The disk fails.
    fn lose(&self) {
        for (_, _, answer) in self.take() {
            answer
                .send(Err(StoreError::Unknown("the disk failed".into())))
                .unwrap();
        }
    }
}

#[async_trait]
impl Store for LazyStore {
    async fn acquire(&self, shard: &str, owner: &str, ttl: Duration) -> Result<Fence, StoreError> {
        self.inner.acquire(shard, owner, ttl).await
    }

    async fn renew(&self, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
        self.inner.renew(fence, ttl).await
    }

    async fn release(&self, fence: &Fence) -> Result<(), StoreError> {
        self.inner.release(fence).await
    }

    async fn held(&self, prefix: &str) -> Result<Vec<Held>, StoreError> {
        self.inner.held(prefix).await
    }

    async fn commit(&self, fence: &Fence, batch: Batch) -> Result<(), StoreError> {
        self.release().await;
        self.inner.commit(fence, batch).await
    }

    async fn commit_soon(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let placed = self.commit_ahead(fence, batch).await;
        if !self.is_slow.load(Ordering::SeqCst) {
            self.release().await;
        }
        placed
    }

    async fn commit_ahead(&self, fence: &Fence, batch: Batch) -> Result<Ahead, StoreError> {
        let (answer, answered) = oneshot::channel();
        let placed = (fence.clone(), batch, answer);
        self.placed.lock().unwrap().push(placed);
        Ok(Ahead::new(async { answered.await.unwrap() }))
    }

    async fn get(&self, shard: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(shard, key).await
    }

    async fn range(
        &self,
        shard: &str,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.range(shard, range, limit).await
    }

    async fn snapshot(&self, shard: &str) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot(shard).await
    }

    async fn walk(&self) -> Result<Box<dyn Walk>, StoreError> {
        self.inner.walk().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }
}

/// A queue whose inbox is sent ahead. Time stands still unless told.
struct World {
    clock: ManualClock,
    store: Arc<LazyStore>,
    timestone: Arc<LocalTimestone>,
    inbox: Subscription,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_unix_ms(0));
        let store = Arc::new(LazyStore {
            inner: MemoryStore::new(Arc::new(clock.clone())),
            placed: Mutex::default(),
            is_slow: AtomicBool::new(false),
        });
        let options = OwnerOptions {
            recent_bytes: 0,
            ..OwnerOptions::new("w")
        };
        let timestone = LocalTimestone::start(store.clone(), Arc::new(clock.clone()), options);
        let inbox = timestone.subscribe(subscription()).await.unwrap();
        Self {
            clock,
            store,
            timestone: Arc::new(timestone),
            inbox,
        }
    }

    /// A message whose sender waits for its answer meanwhile.
    fn enqueue(&self, queue: &str, id: &str) -> JoinHandle<Result<Outcomes, TimestoneError>> {
        let (timestone, message) = (Arc::clone(&self.timestone), message(queue, id));
        tokio::spawn(async move { timestone.enqueue(vec![message]).await })
    }

    async fn next(&mut self) -> LeasedMessage {
        self.inbox.next().await.unwrap().unwrap().remove(0)
    }

    async fn state(&self, queue: &str, id: &str) -> Option<MessageState> {
        let key = MessageKey {
            queue: queue.into(),
            id: id.into(),
        };
        let view = self.timestone.get(&key).await.unwrap();
        view.map(|view| view.state)
    }
}

fn message(queue: &str, id: &str) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        payload: Bytes::copy_from_slice(id.as_bytes()),
        ..NewMessage::default()
    }
}

fn session() -> Session {
    Session {
        owner: "w".into(),
        boot: "1".into(),
    }
}

fn subscription() -> SubscribeRequest {
    SubscribeRequest {
        queues: vec!["inbox".into()],
        credit: 8,
        lease_ms: None,
        session: session(),
        subscription_id: "s".into(),
        filter: None,
        ahead: true,
    }
}

fn demand() -> DequeueRequest {
    DequeueRequest {
        queues: vec!["work".into()],
        max: 1,
        wait_ms: 0,
        lease_ms: None,
        session: session(),
        request_id: "1".into(),
    }
}

fn done(message: &LeasedMessage) -> Completion {
    Completion {
        token: message.token.clone(),
        then_enqueue: vec![message_after(message)],
    }
}

/// What follows from a message.
fn message_after(leased: &LeasedMessage) -> NewMessage {
    message("work", &format!("after {}", leased.token.key.id))
}

#[tokio::test]
async fn what_follows_is_stored_with_it() {
    let mut world = World::new().await;
    let sender = world.enqueue("inbox", "a");
    let sent = world.next().await;
    assert_eq!(sent.payload, "a");
    // Nobody is told of what is not stored.
    assert!(!sender.is_finished());
    assert_eq!(world.store.placed(), 1);
    world.timestone.complete(vec![done(&sent)]).await.unwrap();
    sender.await.unwrap().unwrap();
    assert_eq!(world.store.placed(), 0);
    assert_eq!(
        world.state("inbox", "a").await,
        Some(MessageState::Completed)
    );
    let work = world.timestone.dequeue(demand()).await.unwrap();
    assert_eq!(work[0].token.key.id, "after a");
}

#[tokio::test]
async fn what_nothing_follows_from_is_stored_after_a_while() {
    let mut world = World::new().await;
    let sender = world.enqueue("inbox", "a");
    world.next().await;
    assert!(!sender.is_finished());
    world.clock.advance(Duration::from_millis(2));
    sender.await.unwrap().unwrap();
    assert_eq!(world.store.placed(), 0);
}

#[tokio::test]
async fn what_is_not_stored_is_not_read_either() {
    let mut world = World::new().await;
    let sender = world.enqueue("inbox", "a");
    world.next().await;
    // Whoever asks is answered once it is stored.
    assert_eq!(world.state("inbox", "a").await, Some(MessageState::Running));
    assert_eq!(world.store.placed(), 0);
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_message_waits_for_nobody() {
    let mut world = World::new().await;
    let first = world.enqueue("inbox", "a");
    world.next().await;
    let second = world.enqueue("inbox", "b");
    assert_eq!(world.next().await.payload, "b");
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(world.store.placed(), 0);
}

#[tokio::test]
async fn an_end_stores_what_has_its_place() {
    let mut world = World::new().await;
    let sender = world.enqueue("inbox", "a");
    world.next().await;
    world.timestone.shutdown().await;
    sender.await.unwrap().unwrap();
    assert_eq!(world.store.placed(), 0);
}

#[tokio::test]
async fn what_is_lost_was_told_to_nobody() {
    let mut world = World::new().await;
    let sender = world.enqueue("inbox", "a");
    world.next().await;
    world.store.lose();
    let refused = sender.await.unwrap();
    assert!(
        matches!(refused, Err(TimestoneError::Unavailable(_))),
        "{refused:?}"
    );
    // The inbox ends, and the queue is read anew.
    assert!(world.inbox.next().await.is_none());
    assert_eq!(world.state("inbox", "a").await, None);
}

/// Two messages have their place on a slow disk, one after the other.
async fn two_on_a_slow_disk(world: &World) -> [JoinHandle<Result<Outcomes, TimestoneError>>; 2] {
    world.store.is_slow.store(true, Ordering::SeqCst);
    let first = world.enqueue("work", "a");
    world.store.until_placed(1).await;
    let second = world.enqueue("work", "b");
    world.store.until_placed(2).await;
    assert!(!first.is_finished() && !second.is_finished());
    [first, second]
}

#[tokio::test]
async fn calls_get_their_place_while_earlier_ones_are_being_stored() {
    let world = World::new().await;
    let senders = two_on_a_slow_disk(&world).await;
    // What it hands out is in memory alone as yet.
    let timestone = Arc::clone(&world.timestone);
    let leased = tokio::spawn(async move { timestone.dequeue(demand()).await });
    world.store.until_placed(3).await;
    assert!(!leased.is_finished());
    world.store.is_slow.store(false, Ordering::SeqCst);
    world.store.release().await;
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    assert_eq!(leased.await.unwrap().unwrap()[0].payload, "a");
    assert_eq!(world.state("work", "b").await, Some(MessageState::Pending));
}

#[tokio::test]
async fn what_got_its_place_after_what_is_lost_is_lost_as_well() {
    let world = World::new().await;
    let senders = two_on_a_slow_disk(&world).await;
    world.store.is_slow.store(false, Ordering::SeqCst);
    world.store.lose();
    for sender in senders {
        let refused = sender.await.unwrap();
        assert!(
            matches!(refused, Err(TimestoneError::Unavailable(_))),
            "{refused:?}"
        );
    }
    for id in ["a", "b"] {
        assert_eq!(world.state("work", id).await, None);
    }
}

#[tokio::test]
async fn an_end_waits_for_a_slow_disk() {
    let world = World::new().await;
    let senders = two_on_a_slow_disk(&world).await;
    let timestone = Arc::clone(&world.timestone);
    let end = tokio::spawn(async move { timestone.shutdown().await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!end.is_finished());
    world.store.release().await;
    end.await.unwrap();
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_changes_nothing_is_answered_with_what_is_being_stored() {
    let world = World::new().await;
    world.store.is_slow.store(true, Ordering::SeqCst);
    let sender = world.enqueue("work", "a");
    world.store.until_placed(1).await;
    let timestone = Arc::clone(&world.timestone);
    let looks = tokio::spawn(async move { timestone.count(&["work".to_owned()]).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // It makes no commit of its own, and is not told before its time.
    assert_eq!(world.store.placed(), 1);
    assert!(!looks.is_finished());
    world.store.release().await;
    assert_eq!(looks.await.unwrap().unwrap()[0].pending, 1);
    sender.await.unwrap().unwrap();
}
