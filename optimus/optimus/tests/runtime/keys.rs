use std::collections::HashSet;

use futures::future::join_all;
use optimus::{Caller, State};

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
