use std::sync::Arc;

use timestone::{Clause, QueueConfig};
use timestone_client::DequeueRequest;
use tokio::task::JoinHandle;

use crate::ends::done;
use crate::world::{World, demand, message, only, with};

pub fn patient(request_id: &str) -> DequeueRequest {
    DequeueRequest {
        wait_ms: 30_000,
        ..demand("q", 1, request_id)
    }
}

/// Begins to wait; returns when the call has been taken up, as far as a caller can tell.
pub async fn wait(world: &World, request_id: &str) -> JoinHandle<Vec<String>> {
    wait_for(world, request_id, None).await
}

/// As [`wait`], for messages that match.
async fn wait_for(
    world: &World,
    request_id: &str,
    filter: Option<Clause>,
) -> JoinHandle<Vec<String>> {
    let timestone = Arc::clone(&world.timestone);
    let request = patient(request_id);
    let waiting = tokio::spawn(async move {
        let leased = match filter {
            Some(filter) => timestone.dequeue_matching(request, filter).await,
            None => timestone.dequeue(request).await,
        };
        let leased = leased.unwrap();
        leased
            .into_iter()
            .map(|leased| leased.token.key.id)
            .collect()
    });
    // Calls are taken up in order, so an answer to this one follows the taking up.
    for _ in 0..20 {
        tokio::task::yield_now().await;
        world.timestone.count(&[]).await.unwrap();
    }
    waiting
}

pub async fn a_waiting_worker_is_woken(world: World) {
    let waiting = wait(&world, "r").await;
    world.enqueue(message("q", "a", 0)).await.unwrap();
    assert_eq!(waiting.await.unwrap(), ["a"]);
}

pub async fn workers_are_served_in_the_order_they_came(world: World) {
    let first = wait(&world, "r1").await;
    let second = wait(&world, "r2").await;
    let both = vec![message("q", "late", 2), message("q", "early", 1)];
    world.timestone.enqueue(both).await.unwrap();
    assert_eq!(first.await.unwrap(), ["early"]);
    assert_eq!(second.await.unwrap(), ["late"]);
}

pub async fn waiting_ends(world: World) {
    let waiting = wait(&world, "r").await;
    world.pass(30_000);
    assert_eq!(waiting.await.unwrap(), [""; 0]);
}

pub async fn a_lapsed_lease_wakes_a_waiting_worker(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let mut request = demand("q", 1, "r1");
    request.lease_ms = Some(1_000);
    only(world.timestone.dequeue(request).await.unwrap());
    let waiting = wait(&world, "r2").await;
    world.pass(1_000);
    assert_eq!(waiting.await.unwrap(), ["a"]);
}

pub async fn a_call_that_was_given_up_holds_no_lease(world: World) {
    let waiting = wait(&world, "r1").await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = only(world.timestone.dequeue(patient("r2")).await.unwrap());
    let outcomes = world.timestone.complete(vec![done(&leased)]).await.unwrap();
    only(outcomes).unwrap();
}

pub async fn a_repeated_wait_replaces_the_first(world: World) {
    let first = wait(&world, "r").await;
    let second = wait(&world, "r").await;
    assert_eq!(first.await.unwrap(), [""; 0]);
    world.enqueue(message("q", "a", 0)).await.unwrap();
    assert_eq!(second.await.unwrap(), ["a"]);
}

pub async fn a_worker_that_wants_something_else_holds_up_nobody(world: World) {
    let config = QueueConfig {
        indexed: ["size".into()].into(),
        ..QueueConfig::default()
    };
    world.configure("q", config).await;
    let large = wait_for(&world, "r1", Some(Clause::equal("size", "large"))).await;
    let small = wait_for(&world, "r2", Some(Clause::equal("size", "small"))).await;
    let any = wait(&world, "r3").await;
    let messages = [
        ("a", "middle", any),
        ("b", "small", small),
        ("c", "large", large),
    ];
    for (id, size, waiting) in messages {
        let message = with(message("q", id, 0), &[("size", size)]);
        world.enqueue(message).await.unwrap();
        assert_eq!(waiting.await.unwrap(), [id]);
    }
}
