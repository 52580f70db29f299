//! What becomes of calls when the store fails in a certain way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock, Timestamp};
use store::{Call, Fault, FaultStore, MemoryStore, Store};
use timestone::{NewMessage, Outcome, Session};
use timestone_client::{DequeueRequest, Timestone, TimestoneError};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::Notify;

type Faulty = Arc<FaultStore<MemoryStore>>;

fn faulty() -> (Faulty, ManualClock) {
    let clock = ManualClock::new(Timestamp::from_unix_ms(0));
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    (Arc::new(FaultStore::new(store)), clock)
}

fn owner(store: &Faulty, clock: &ManualClock, name: &str) -> LocalTimestone {
    let options = OwnerOptions::new(name);
    LocalTimestone::start(store.clone(), Arc::new(clock.clone()), options)
}

async fn enqueue(timestone: &LocalTimestone, id: &str) -> Result<Outcome, TimestoneError> {
    let message = NewMessage {
        queue: "q".into(),
        id: id.into(),
        ..NewMessage::default()
    };
    let outcomes = timestone.enqueue(vec![message]).await?;
    Ok(outcomes.into_iter().next().unwrap().unwrap())
}

/// Tries until there is an owner; time passes meanwhile.
async fn insist(timestone: &LocalTimestone, clock: &ManualClock, id: &str) -> Outcome {
    loop {
        match enqueue(timestone, id).await {
            Ok(outcome) => return outcome,
            Err(TimestoneError::Unavailable(_)) => clock.advance(Duration::from_millis(50)),
            Err(refused) => panic!("{refused}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Answers when the store has been asked to commit so often.
async fn commits(store: &Faulty, n: u64) {
    while store.calls(Call::Commit) < n {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_may_have_been_stored_is_found_out_by_asking_again() {
    let faults = [
        (Fault::UnknownApplied, Outcome::Duplicate),
        (Fault::UnknownLost, Outcome::Done),
        (Fault::Unavailable, Outcome::Done),
    ];
    for (fault, again) in faults {
        let (store, clock) = faulty();
        let timestone = owner(&store, &clock, "one");
        assert_eq!(enqueue(&timestone, "before").await.unwrap(), Outcome::Done);
        store.script(Call::Commit, [fault]);
        let unavailable = enqueue(&timestone, "a").await.unwrap_err();
        assert!(matches!(unavailable, TimestoneError::Unavailable(_)));
        assert_eq!(enqueue(&timestone, "a").await.unwrap(), again);
        assert_eq!(
            enqueue(&timestone, "before").await.unwrap(),
            Outcome::Duplicate
        );
    }
}

#[tokio::test]
async fn calls_that_arrive_during_a_commit_share_the_next() {
    let (store, clock) = faulty();
    let timestone = Arc::new(owner(&store, &clock, "one"));
    let start = Arc::new(Notify::new());
    store.script(Call::Commit, [Fault::Delay(Arc::clone(&start))]);
    let call = |id: String| {
        let timestone = Arc::clone(&timestone);
        tokio::spawn(async move { enqueue(&timestone, &id).await })
    };
    let mut calls = vec![call("first".into())];
    commits(&store, 1).await;
    calls.extend((0..100).map(|id| call(id.to_string())));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    start.notify_one();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), Outcome::Done);
    }
    assert_eq!(store.calls(Call::Commit), 2);
}

#[tokio::test]
async fn no_answer_is_given_before_its_commit_not_even_to_a_reader() {
    let (store, clock) = faulty();
    let timestone = Arc::new(owner(&store, &clock, "one"));
    let start = Arc::new(Notify::new());
    store.script(Call::Commit, [Fault::Delay(Arc::clone(&start))]);
    let writer = tokio::spawn({
        let timestone = Arc::clone(&timestone);
        async move { enqueue(&timestone, "a").await }
    });
    commits(&store, 1).await;
    let reader = tokio::spawn({
        let timestone = Arc::clone(&timestone);
        async move { timestone.count(&[]).await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!writer.is_finished() && !reader.is_finished());
    start.notify_one();
    assert_eq!(writer.await.unwrap().unwrap(), Outcome::Done);
    assert_eq!(reader.await.unwrap().unwrap()[0].pending, 1);
}

#[tokio::test]
async fn an_owner_that_lost_its_shard_stores_nothing_and_takes_it_back_later() {
    let (store, clock) = faulty();
    let timestone = owner(&store, &clock, "one");
    enqueue(&timestone, "before").await.unwrap();
    store.script(Call::Renew, vec![Fault::Unavailable; 1_000]);
    clock.advance(Duration::from_secs(11));
    let thief = store.acquire("timestone/0", "thief", Duration::from_secs(3_600));
    let fence = thief.await.unwrap();
    let fenced = enqueue(&timestone, "a").await.unwrap_err();
    assert!(matches!(fenced, TimestoneError::Unavailable(_)));
    let refused = enqueue(&timestone, "a").await.unwrap_err();
    assert!(matches!(refused, TimestoneError::Unavailable(_)));
    store.release(&fence).await.unwrap();
    assert_eq!(insist(&timestone, &clock, "a").await, Outcome::Done);
    assert_eq!(
        insist(&timestone, &clock, "before").await,
        Outcome::Duplicate
    );
}

#[tokio::test]
async fn an_owner_keeps_its_shard_for_as_long_as_it_lives() {
    let (store, clock) = faulty();
    let first = owner(&store, &clock, "one");
    enqueue(&first, "a").await.unwrap();
    for renewal in 1..=20 {
        while store.calls(Call::Renew) < renewal {
            clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
        enqueue(&first, "a").await.unwrap();
    }
    assert!(clock.now() > Timestamp::from_unix_ms(60_000));
    let other = store.acquire("timestone/0", "two", Duration::from_secs(1));
    assert!(other.await.is_err());
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_leased_to_nobody() {
    let (store, clock) = faulty();
    let options = OwnerOptions {
        recent_bytes: 0,
        ..OwnerOptions::new("one")
    };
    let timestone = LocalTimestone::start(store.clone(), Arc::new(clock.clone()), options);
    let message = NewMessage {
        queue: "q".into(),
        id: "a".into(),
        payload: "payload".into(),
        attempts: Some(1),
        ..NewMessage::default()
    };
    timestone.enqueue(vec![message]).await.unwrap();
    let dequeue = |request_id: &str| {
        timestone.dequeue(DequeueRequest {
            queues: vec!["q".into()],
            max: 1,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: request_id.into(),
        })
    };
    store.script(Call::Snapshot, [Fault::Unavailable]);
    let unavailable = dequeue("1").await.unwrap_err();
    assert!(matches!(unavailable, TimestoneError::Unavailable(_)));
    let leased = dequeue("2").await.unwrap().remove(0);
    assert_eq!(
        (leased.attempts_left, &leased.payload[..]),
        (0, &b"payload"[..])
    );
}

#[tokio::test]
async fn a_shut_down_owner_leaves_its_shard_at_once() {
    let (store, clock) = faulty();
    let first = owner(&store, &clock, "one");
    enqueue(&first, "a").await.unwrap();
    first.shutdown().await;
    assert!(enqueue(&first, "b").await.is_err());
    let second = owner(&store, &clock, "two");
    assert_eq!(enqueue(&second, "a").await.unwrap(), Outcome::Duplicate);
}

/// What nothing is written for is not fenced by a commit.
#[tokio::test]
async fn whoever_may_have_lost_the_queues_tells_nothing_from_memory() {
    let clock = ManualClock::new(Timestamp::from_unix_ms(0));
    let memory = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    let mine = Arc::new(FaultStore::new(Arc::clone(&memory)));
    let one = owner(&mine, &clock, "one");
    assert_eq!(enqueue(&one, "a").await.unwrap(), Outcome::Done);
    mine.cut();
    clock.advance(Duration::from_secs(11));
    let others = Arc::new(FaultStore::new(memory));
    let two = owner(&others, &clock, "two");
    assert_eq!(insist(&two, &clock, "b").await, Outcome::Done);
    mine.mend();
    let stale = one.count(&[]).await;
    assert!(
        matches!(stale, Err(TimestoneError::Unavailable(_))),
        "{stale:?}"
    );
    assert_eq!(two.count(&[]).await.unwrap()[0].pending, 2);
}
