use std::sync::Arc;

use errors::Class;
use optimus::State;
use tokio::sync::Semaphore;

use crate::world::{World, inline, within};

#[tokio::test]
async fn a_cancellation_is_told_once_after_the_start_and_is_final() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let view = world
        .requests
        .cancel(&id, "  changed my mind ")
        .await
        .unwrap();
    assert_eq!(view.state, State::Canceled);
    assert_eq!(inline(&view), b"CANCELED");
    let error = view.error.clone().unwrap();
    assert_eq!(
        (error.class, error.message.as_str()),
        (Class::Canceled, "changed my mind")
    );
    assert_eq!(world.requests.cancel(&id, "again").await.unwrap(), view);

    assert_eq!(within(world.plato.next()).await.started().workflow_id, id);
    let cancel = within(world.plato.next()).await.canceled();
    assert_eq!(
        (cancel.workflow_id, cancel.reason),
        (id.clone(), "changed my mind".into())
    );
    world.plato.succeeded(&id, 7, "too late").await;
    let world = world.kill().await;
    assert_eq!(world.requests.cancel(&id, "again").await.unwrap(), view);
    assert_eq!(world.ended(&id).await, view);
    assert!(world.plato.is_idle().await);
    assert!(world.script.finished.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_whose_workflow_has_succeeded_is_past_canceling() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.gate.lock().unwrap() = Some(gate.clone());
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    world.plato.succeeded(&id, 1, "olleh").await;
    world.running(&id).await;
    let view = world.requests.cancel(&id, "too late").await.unwrap();
    assert_eq!(view.state, State::Running);
    gate.add_permits(1);
    assert_eq!(world.ended(&id).await.state, State::Succeeded);
    assert!(world.plato.is_idle().await);
}

#[tokio::test]
async fn however_a_race_ends_everybody_sees_the_same_end() {
    let world = World::in_memory().await;
    for _ in 0..20 {
        let id = world.submit("hello").await;
        within(world.plato.next()).await;
        let cancel = world.requests.cancel(&id, "race");
        let (canceled, ()) = tokio::join!(cancel, world.plato.succeeded(&id, 1, "olleh"));
        let end = world.ended(&id).await;
        let placed = world.script.finished.lock().unwrap().contains(&id);
        match canceled.unwrap().state {
            State::Canceled => {
                assert_eq!((end.state, placed), (State::Canceled, false));
                within(world.plato.next()).await.canceled();
            }
            _ => assert_eq!((end.state, placed), (State::Succeeded, true)),
        }
        assert!(world.plato.is_idle().await);
    }
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_canceled() {
    let world = World::in_memory().await;
    let error = world.requests.cancel("nobody", "").await.unwrap_err();
    assert_eq!(error.code, "REQUEST_NOT_FOUND");
}
