//! A take whose answer is lost with its server is answered by the next, from what is stored.

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use store::{Call, Fault, FaultStore, MemoryStore, Store};
use timestone::{LeasedMessage, Taken};
use timestone_client::{Shard, Take, Timestone, TimestoneError};
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::postgres;
use crate::world::{demand, message};

/// A server that is silent for so long is followed by another.
const OWNERSHIP: Duration = Duration::from_millis(400);

fn serve(store: Arc<dyn Store>, name: &str) -> LocalTimestone {
    let options = OwnerOptions {
        ttl: OWNERSHIP,
        ..OwnerOptions::new(name)
    };
    LocalTimestone::start(store, Arc::new(SystemClock), options)
}

/// Up to two of `q`, as the take of this number.
async fn take(server: &LocalTimestone, number: u64) -> Result<Vec<LeasedMessage>, TimestoneError> {
    let taken = Taken {
        number,
        ..Taken::default()
    };
    let (request, filter) = (demand("q", 2, "r"), None);
    server
        .take(Take {
            request,
            filter,
            taken,
        })
        .await
}

fn ids(taken: &[LeasedMessage]) -> Vec<&str> {
    taken.iter().map(|leased| &*leased.token.key.id).collect()
}

/// Two servers, each with its own way to what they share.
async fn a_lost_answer_is_given_by_the_next_owner<S: Store>(first: Arc<S>, second: Arc<dyn Store>) {
    let way = Arc::new(FaultStore::new(first));
    let first = serve(way.clone(), "first");
    let messages = ["a", "b", "c", "d", "e", "f"].iter().zip(0..);
    let messages = messages.map(|(id, priority)| message("q", id, priority));
    let messages: Vec<_> = messages.collect();
    while first.enqueue(messages.clone()).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ids(&take(&first, 1).await.unwrap()), ["a", "b"]);
    // It is stored, and then the server is lost.
    way.script(Call::Commit, [Fault::UnknownApplied]);
    take(&first, 2).await.unwrap_err();
    way.cut();
    let second = serve(second, "second");
    let answer = loop {
        match take(&second, 2).await {
            Ok(answer) => break answer,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(ids(&answer), ["c", "d"]);
    let counts = second.count(&["q".into()]).await.unwrap();
    assert_eq!((counts[0].running, counts[0].pending), (4, 2));
    assert_eq!(ids(&take(&second, 3).await.unwrap()), ["e", "f"]);
    assert_eq!(take(&second, 2).await.unwrap(), answer, "it came twice");
}

#[tokio::test]
async fn a_take_is_answered_once_over_a_takeover() {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    a_lost_answer_is_given_by_the_next_owner(store.clone(), store).await;
}

#[tokio::test]
async fn a_take_is_answered_once_over_a_takeover_of_postgresql() {
    let what = "takes over a takeover of PostgreSQL";
    let Some(database) = postgres::database(what).await else {
        return;
    };
    let (first, second) = (database.connect().await, database.connect().await);
    a_lost_answer_is_given_by_the_next_owner(Arc::new(first), Arc::new(second)).await;
}
