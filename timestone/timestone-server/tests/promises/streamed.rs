use futures::StreamExt;
use timestone::{Clause, LeasedMessage, MessageState};
use timestone_client::{SubscribeRequest, Subscription};

use crate::world::{World, message, session};

fn request(credit: u32, id: &str) -> SubscribeRequest {
    SubscribeRequest {
        queues: vec!["q".into()],
        credit,
        lease_ms: Some(1_000),
        session: session("w", "1"),
        subscription_id: id.into(),
        filter: None,
        ahead: false,
    }
}

async fn subscribe(world: &World, credit: u32, id: &str) -> Subscription {
    let request = request(credit, id);
    world.timestone.subscribe(request).await.unwrap()
}

/// The next `n` messages.
async fn next(stream: &mut Subscription, n: usize) -> Vec<LeasedMessage> {
    let mut messages = Vec::new();
    while messages.len() < n {
        messages.extend(stream.next().await.unwrap().unwrap());
    }
    assert_eq!(messages.len(), n);
    messages
}

fn ids(messages: &[LeasedMessage]) -> Vec<&str> {
    messages
        .iter()
        .map(|leased| leased.token.key.id.as_str())
        .collect()
}

pub async fn a_subscriber_is_sent_messages_while_it_has_room(world: World) {
    let mut stream = subscribe(&world, 2, "s").await;
    for id in ["a", "b", "c", "d"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let first = next(&mut stream, 2).await;
    assert_eq!(ids(&first), ["a", "b"]);
    assert_eq!(first[0].lease_until, world.now() + 1_000);
    assert_eq!(world.view("q", "c").await.state, MessageState::Pending);
    world.complete(&first[1]).await;
    let second = next(&mut stream, 1).await;
    assert_eq!(ids(&second), ["c"]);
    world.complete(&first[0]).await;
    assert_eq!(ids(&next(&mut stream, 1).await), ["d"]);
    world.complete(&second[0]).await;
    world.enqueue(message("q", "e", 0)).await.unwrap();
    assert_eq!(ids(&next(&mut stream, 1).await), ["e"]);
}

pub async fn a_lease_that_lapses_makes_room(world: World) {
    let mut stream = subscribe(&world, 1, "s").await;
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let first = next(&mut stream, 1).await;
    world.pass(1_000);
    let second = next(&mut stream, 1).await;
    assert_eq!((ids(&second), second[0].token.delivery), (vec!["a"], 2));
    let outcomes = world.timestone.extend(vec![first[0].token.clone()], None);
    let lost = outcomes.await.unwrap().remove(0).unwrap_err();
    assert_eq!(lost.code(), "LEASE_LOST");
    world.complete(&second[0]).await;
}

pub async fn what_a_broken_stream_held_lapses(world: World) {
    for id in ["a", "b", "c"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let mut stream = subscribe(&world, 2, "s").await;
    let held = next(&mut stream, 2).await;
    drop(stream);
    let mut stream = subscribe(&world, 1, "s2").await;
    let other = next(&mut stream, 1).await;
    assert_eq!(ids(&other), ["c"]);
    world.complete(&held[0]).await;
    world.complete(&other[0]).await;
    assert_eq!(world.view("q", "b").await.state, MessageState::Running);
    world.pass(1_000);
    assert_eq!(ids(&next(&mut stream, 1).await), ["b"]);
}

/// Over a network what was sent may be on its way: there it lapses.
#[tokio::test]
async fn what_a_subscriber_did_not_read_is_given_back_at_once() {
    let world = crate::world::memory().await;
    let mut stream = subscribe(&world, 2, "s").await;
    for id in ["a", "b"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let read = next(&mut stream, 1).await;
    drop(stream);
    let mut other = subscribe(&world, 1, "s2").await;
    let again = next(&mut other, 1).await;
    assert_eq!((ids(&read), ids(&again)), (vec!["a"], vec!["b"]));
    assert_eq!(again[0].attempts_left, read[0].attempts_left);
}

pub async fn a_repeated_subscription_replaces_the_first(world: World) {
    let mut first = subscribe(&world, 2, "s").await;
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = next(&mut first, 1).await;
    world.complete(&leased[0]).await;
    let mut second = subscribe(&world, 2, "s").await;
    assert!(first.next().await.is_none(), "the first has ended");
    world.enqueue(message("q", "b", 0)).await.unwrap();
    assert_eq!(ids(&next(&mut second, 1).await), ["b"]);
}

pub async fn a_subscription_under_an_id_that_holds_leases_is_refused(world: World) {
    let mut first = subscribe(&world, 2, "s").await;
    world.enqueue(message("q", "a", 0)).await.unwrap();
    next(&mut first, 1).await;
    let refused = match world.timestone.subscribe(request(2, "s")).await {
        Err(refused) => refused,
        // Over RPC the stream begins before its first message tells.
        Ok(mut stream) => stream.next().await.unwrap().unwrap_err(),
    };
    assert!(refused.to_string().contains("holds leases"), "{refused}");
    assert!(first.next().await.is_none(), "the first has ended");
}

pub async fn a_subscription_that_cannot_be_is_refused(world: World) {
    let mut filtered = request(1, "s");
    filtered.filter = Some(Clause::equal("title", "x"));
    for (request, says) in [(request(0, "s"), "credit is 0"), (filtered, "no key")] {
        let refused = match world.timestone.subscribe(request).await {
            Err(refused) => refused,
            // Over RPC the stream begins before its first message tells.
            Ok(mut stream) => stream.next().await.unwrap().unwrap_err(),
        };
        assert!(refused.to_string().contains(says), "{refused}");
    }
}
