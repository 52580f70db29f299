use std::sync::Arc;

use errors::Error;
use futures::StreamExt;
use optimus::{Caller, State};
use proto::plato::v1::WorkflowState;
use tokio::sync::Semaphore;

use crate::echo::{Finish, asking};
use crate::plato::event;
use crate::world::{World, inline, within};

#[tokio::test]
async fn a_request_goes_through_and_every_change_is_seen() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let mut views = world.watch(&id).await;
    let first = views.next().await.unwrap().unwrap();
    assert_eq!((first.state, first.version), (State::Accepted, 1));
    assert_eq!(first.request.body, b"hello");

    let start = within(world.plato.next()).await.started();
    assert_eq!(start.workflow_id, id);
    assert_eq!(start.definition, "echo.back");
    assert_eq!(start.input.as_option().unwrap().inline, b"hello");

    world.plato.running(&id, 1, 3).await;
    let running = within(views.next()).await.unwrap().unwrap();
    assert_eq!(running.state, State::Running);
    assert_eq!(
        (running.stages[0].name.as_str(), running.stages[0].done),
        ("encoder", 3)
    );
    assert!(running.response.is_none());

    world.plato.succeeded(&id, 2, "olleh").await;
    let mut last = None;
    while let Some(view) = within(views.next()).await {
        last = Some(view.unwrap());
    }
    let last = last.unwrap();
    assert_eq!(last.state, State::Succeeded);
    assert_eq!(inline(&last), b"olleh");
    assert_eq!(world.requests.get(&id).await.unwrap(), last);
    assert_eq!(*world.script.finished.lock().unwrap(), [id]);
}

#[tokio::test]
async fn a_refusal_tells_everything_and_leaves_nothing() {
    let world = World::in_memory().await;
    let problems = world
        .requests
        .submit(&Caller::default(), asking("bad", ""))
        .await
        .unwrap_err();
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["BAD", "WORSE"]);
    let large = "x".repeat(40_000);
    let problems = world
        .requests
        .submit(&Caller::default(), asking(&large, ""))
        .await
        .unwrap_err();
    assert_eq!(problems[0].code, "REQUEST_TOO_LARGE");
    assert!(
        world
            .requests
            .list(&Default::default())
            .await
            .unwrap()
            .views
            .is_empty()
    );
    assert!(world.plato.is_idle().await);
}

#[tokio::test]
async fn a_failed_workflow_fails_the_request_with_its_error() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    let error = Error::source("TRUNCATED", "ends early").frames(3, 9);
    world.plato.failed(&id, 1, error.clone()).await;
    let view = world.ended(&id).await;
    assert_eq!(
        (view.state, view.error.as_ref()),
        (State::Failed, Some(&error))
    );
    assert_eq!(inline(&view), b"TRUNCATED");
    assert!(world.script.finished.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_goes_on_when_its_failed_workflow_is_tried_again() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    world
        .plato
        .failed(&id, 4, Error::source("TRUNCATED", "ends early"))
        .await;
    world.ended(&id).await;
    world.plato.running(&id, 5, 1).await;
    let view = world.becomes(&id, State::Running).await;
    assert!(view.error.is_none() && view.response.is_none());
    world.plato.succeeded(&id, 6, "olleh").await;
    let view = world.ended(&id).await;
    assert_eq!(
        (view.state, inline(&view)),
        (State::Succeeded, &b"olleh"[..])
    );
}

#[tokio::test]
async fn repeated_and_late_events_change_nothing() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    world.plato.running(&id, 5, 5).await;
    world.plato.running(&id, 3, 3).await;
    world
        .plato
        .tell_as("again", event(&id, 5, WorkflowState::Failed))
        .await;
    world.plato.tell(event(&id, 4, WorkflowState::Failed)).await;
    world
        .plato
        .tell(event("nobody", 1, WorkflowState::Failed))
        .await;
    world
        .plato
        .enqueue("garbage", b"garbage".as_slice().into())
        .await;
    world.plato.running(&id, 6, 6).await;
    let view = world
        .seen(&id, |view| view.stages.first().is_some_and(|s| s.done == 6))
        .await;
    assert_eq!((view.state, view.version), (State::Running, 3));
    world.plato.succeeded(&id, 9, "olleh").await;
    let view = world.ended(&id).await;
    world
        .plato
        .tell(event(&id, 10, WorkflowState::Failed))
        .await;
    world
        .plato
        .tell_as("late", event(&id, 8, WorkflowState::Running))
        .await;
    let other = world.submit("other").await;
    world.plato.failed(&other, 1, Error::user("X", "x")).await;
    world.ended(&other).await;
    assert_eq!(world.requests.get(&id).await.unwrap(), view);
}

/// Kills everything after each step in turn, and after all of them.
async fn through_kills(world: World, kill_after: impl Fn(u32) -> bool) {
    let mut world = world;
    let kill = async |world: World, step| match kill_after(step) {
        true => world.kill().await,
        false => world,
    };
    let id = world.submit("hello").await;
    world = kill(world, 0).await;
    assert_eq!(within(world.plato.next()).await.started().workflow_id, id);
    world = kill(world, 1).await;
    world.plato.running(&id, 1, 1).await;
    world.running(&id).await;
    world = kill(world, 2).await;
    assert_eq!(world.requests.get(&id).await.unwrap().state, State::Running);
    let closed = Arc::new(Semaphore::new(0));
    *world.script.gate.lock().unwrap() = Some(closed);
    world.plato.succeeded(&id, 2, "olleh").await;
    within(async {
        while world.script.finished.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world = kill(world, 3).await;
    assert_eq!(world.requests.get(&id).await.unwrap().state, State::Running);
    let gate = world.script.gate.lock().unwrap().take();
    gate.unwrap().add_permits(9);
    let view = world.ended(&id).await;
    world = kill(world, 4).await;
    assert_eq!(world.requests.get(&id).await.unwrap(), view);
    assert_eq!(
        (view.state, inline(&view)),
        (State::Succeeded, b"olleh".as_slice())
    );
    assert!(world.plato.is_idle().await, "it was started once");
}

#[tokio::test]
async fn a_kill_after_any_step_loses_nothing() {
    for step in 0..5 {
        through_kills(World::in_memory().await, |now| now == step).await;
    }
    through_kills(World::in_memory().await, |_| true).await;
}

#[tokio::test]
async fn a_restart_after_any_step_loses_nothing_on_a_real_disk() {
    through_kills(World::on_disk().await, |_| true).await;
}

#[tokio::test]
async fn a_result_that_cannot_be_placed_is_tried_again_and_then_fails_the_request() {
    let world = World::in_memory().await;
    let platform = || Finish::Fail(Error::platform("DISK_FULL", "no room"));
    let scripts = [
        (vec![platform(), platform()], State::Succeeded, 3),
        (vec![Finish::Panic, Finish::Panic], State::Succeeded, 3),
        (
            vec![Finish::Fail(Error::user("EXISTS", "exists"))],
            State::Failed,
            1,
        ),
        ((0..6).map(|_| platform()).collect(), State::Failed, 6),
    ];
    for (script, state, tries) in scripts {
        world.script.finished.lock().unwrap().clear();
        world.script.finishes.lock().unwrap().extend(script);
        let id = world.submit("hello").await;
        within(world.plato.next()).await;
        world.plato.succeeded(&id, 1, "olleh").await;
        assert_eq!(world.ended(&id).await.state, state);
        assert_eq!(world.script.finished.lock().unwrap().len(), tries);
    }
}

#[tokio::test]
async fn a_start_that_the_workflow_layer_gives_up_fails_the_request() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let message = within(world.plato.lease(20_000)).await.unwrap();
    world
        .plato
        .give_up(message, Error::platform("POISON", "it kills its readers"))
        .await;
    let view = world.ended(&id).await;
    assert_eq!(view.state, State::Failed);
    let error = view.error.unwrap();
    assert_eq!(error.code, "WORKFLOW_NOT_STARTED");
    assert_eq!(error.causes[0].code, "POISON");
}
