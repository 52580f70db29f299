use std::sync::Arc;

use futures::StreamExt;
use optimus::{Caller, OptimusRuntime, State};
use store::{Call, Fault, KeyRange, Store};
use timestone::MessageState;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::{Notify, Semaphore};

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

#[tokio::test]
async fn nobody_hears_of_an_end_before_its_commit_is_answered() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    world.plato.succeeded(&id, 1, "olleh").await;
    let finishing = |lives: usize| {
        let finished = &world.script.finished;
        async move {
            while finished.lock().unwrap().len() < lives {
                tokio::task::yield_now().await;
            }
        }
    };
    within(finishing(1)).await;

    // Two readers begin between two lives, and look at the store during the second.
    let (looks, answered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.store.script(Call::Commit, [Fault::UnknownLost]);
    let other = asking("other", "");
    let lost = world.requests.submit(&Caller::default(), other).await;
    assert_eq!(lost.unwrap_err()[0].code, "INTERRUPTED");
    let look = || Fault::Delay(Arc::clone(&looks));
    world.store.script(Call::Snapshot, [look(), look()]);
    let (gets, waits) = (world.requests.clone(), world.requests.clone());
    let (of_get, of_wait) = (id.clone(), id.clone());
    let got = tokio::spawn(async move { gets.get(&of_get).await });
    let waited = tokio::spawn(async move { waits.wait(&of_wait, crate::world::PATIENCE).await });
    within(finishing(2)).await;

    let late = Fault::DelayAnswer(Arc::clone(&answered));
    world.store.script(Call::Commit, [late]);
    gate.add_permits(2);
    within(until_stored(&world, "succeeded")).await;
    looks.notify_waiters();
    assert_eq!(within(got).await.unwrap().unwrap().state, State::Running);
    answered.notify_one();
    let ended = within(waited).await.unwrap().unwrap();
    assert_eq!(ended.state, State::Succeeded);
}

/// Waits until a request of this state is on stable storage.
async fn until_stored(world: &World, state: &str) {
    let says = |value: &[u8]| String::from_utf8_lossy(value).contains(state);
    loop {
        let all = world.store.range("optimus/echo", KeyRange::all(), 1_000);
        if all.await.unwrap().iter().any(|entry| says(&entry.value)) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
