use std::sync::Arc;

use futures::StreamExt;
use optimus::{Caller, OptimusRuntime, State};
use store::Store;
use timestone::MessageState;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions};

use crate::echo::{Echo, asking};
use crate::world::{World, clock, config, within};

#[tokio::test]
async fn a_second_process_waits_reads_and_takes_over() {
    let mut world = World::in_memory().await;
    let id = world.submit("hello").await;
    let queue = LocalTimestone::start(world.store.clone(), clock(), OwnerOptions::new("other"));
    let client = Client::new(Arc::new(queue));
    let echo = Echo(Arc::clone(&world.script));
    let second =
        OptimusRuntime::start(config("second"), world.store.clone(), client, clock(), echo);
    let requests = second.requests();

    assert_eq!(requests.get(&id).await.unwrap().state, State::Accepted);
    let refused = requests
        .submit(&Caller::default(), asking("no", ""))
        .await
        .unwrap_err();
    assert_eq!(refused[0].code, "NOT_SERVING");
    assert_eq!(requests.watch(&id).await.err().unwrap().code, "NOT_SERVING");

    world.optimus.take().unwrap().shutdown().await;
    within(requests.ready()).await;
    assert_eq!(
        requests.cancel(&id, "").await.unwrap().state,
        State::Canceled
    );
    let refused = world
        .requests
        .submit(&Caller::default(), asking("no", ""))
        .await
        .unwrap_err();
    assert_eq!(refused[0].code, "NOT_SERVING");
}

#[tokio::test]
async fn an_owner_that_lost_its_shard_tells_its_followers_and_reads_again() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let mut views = world.watch(&id).await;
    views.next().await.unwrap().unwrap();
    let ownership = std::time::Duration::from_secs(5);
    let fence = world
        .store
        .acquire("optimus/echo", "api", ownership)
        .await
        .unwrap();

    let refused = world.requests.cancel(&id, "").await.unwrap_err();
    assert_eq!(refused.code, "INTERRUPTED");
    assert_eq!(
        within(views.next()).await.unwrap().unwrap_err().code,
        "NOT_SERVING"
    );
    assert!(views.next().await.is_none());
    assert_eq!(
        world.requests.get(&id).await.unwrap().state,
        State::Accepted
    );

    world.store.release(&fence).await.unwrap();
    within(world.requests.ready()).await;
    within(async {
        while world.requests.cancel(&id, "").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.ended(&id).await.state, State::Canceled);
}

/// What it remembers says that nobody waits for the event; that must not settle it.
#[tokio::test]
async fn an_owner_that_was_replaced_hears_nothing() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let workflow = world.plato.next().await.started().workflow_id;
    world.plato.running(&workflow, 1, 1).await;
    world.running(&id).await;
    let ownership = std::time::Duration::from_secs(60);
    let shard = "optimus/echo";
    let fence = world.store.acquire(shard, "api", ownership).await.unwrap();
    world.plato.running("a request of another", 1, 1).await;
    within(async {
        while world.requests.watch(&id).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told = world.plato.state("a request of another", 1).await;
    assert_ne!(told, MessageState::Completed);
    world.store.release(&fence).await.unwrap();
}
