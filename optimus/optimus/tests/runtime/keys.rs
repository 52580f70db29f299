use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use optimus::{Caller, State};
use tokio::sync::Semaphore;

use crate::echo::asking;
use crate::world::{World, within};

fn of(tenant: &str) -> Caller {
    Caller {
        tenant: tenant.into(),
        ..Caller::default()
    }
}

#[tokio::test]
async fn a_key_makes_many_calls_one_request_for_good() {
    let world = World::in_memory().await;
    let caller = of("a");
    let calls = (0..16).map(|_| world.requests.submit(&caller, asking("hello", "k")));
    let ids: HashSet<_> = join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(ids.len(), 1);
    let id = ids.into_iter().next().unwrap();

    within(world.plato.next()).await;
    world.plato.succeeded(&id, 1, "olleh").await;
    world.ended(&id).await;
    let world = world.kill().await;
    let made = world.script.prepared.lock().unwrap().len();
    let again = world
        .requests
        .submit(&caller, asking("hello", "k"))
        .await
        .unwrap();
    assert_eq!(again, id);
    assert_eq!(
        world.requests.get(&again).await.unwrap().state,
        State::Succeeded
    );
    assert!(world.plato.is_idle().await);
    let made_since = world.script.prepared.lock().unwrap().len() - made;
    assert_eq!(made_since, 0, "what is done is not looked at again");
}

#[tokio::test]
async fn a_key_belongs_to_its_tenant_and_to_one_request() {
    let world = World::in_memory().await;
    let first = world
        .requests
        .submit(&of("a"), asking("hello", "k"))
        .await
        .unwrap();
    let other = world
        .requests
        .submit(&of("b"), asking("hello", "k"))
        .await
        .unwrap();
    assert_ne!(first, other);
    let error = world
        .requests
        .submit(&of("a"), asking("other", "k"))
        .await
        .unwrap_err();
    assert_eq!(error[0].code, "IDEMPOTENCY_KEY_CONFLICT");
    let long = "k".repeat(256);
    let error = world
        .requests
        .submit(&of("a"), asking("hello", &long))
        .await
        .unwrap_err();
    assert_eq!(error[0].code, "IDEMPOTENCY_KEY_TOO_LONG");
}

#[tokio::test]
async fn a_call_that_was_overtaken_by_a_whole_request_of_its_key_is_that_request() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.prepare_gate.lock().unwrap() = Some(gate.clone());
    let (requests, caller) = (world.requests.clone(), of("a"));
    let slow = tokio::spawn(async move { requests.submit(&caller, asking("hello", "k")).await });
    within(async {
        while world.script.prepared.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let fast = world.requests.submit(&of("a"), asking("hello", "k")).await;
    let id = fast.unwrap();
    world.requests.cancel(&id, "").await.unwrap();
    gate.add_permits(1);
    assert_eq!(within(slow).await.unwrap().unwrap(), id);
}
