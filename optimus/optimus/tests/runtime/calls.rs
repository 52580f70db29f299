//! Requests that other roles make over the queue of calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use errors::{Class, Error};
use futures::future::join_all;
use optimus::{Caller, State};
use proto::optimus::v1::CallResult;
use store::{Call, Fault};
use timestone::{MessageState, Outcome};
use tokio::sync::Semaphore;

use crate::echo::asking;
use crate::plato::Asked;
use crate::role::{Told, calling};
use crate::world::{World, within};

fn error(result: &CallResult) -> Error {
    result.error.as_option().cloned().unwrap().into()
}

fn response(result: &CallResult) -> serde_json::Value {
    assert!(result.error.is_unset(), "{result:?}");
    serde_json::from_slice(&result.result.as_option().unwrap().inline).unwrap()
}

/// The JSON of a response that holds "olleh".
fn olleh() -> serde_json::Value {
    serde_json::json!({"inline": "b2xsZWg="})
}

#[tokio::test]
async fn a_call_is_a_request_whose_end_is_told_to_its_caller() {
    let world = World::in_memory().await;
    world.role.call("c", "hello").await;
    let start = within(world.plato.next()).await.started();
    assert_eq!(start.input.as_option().unwrap().inline, b"hello");
    let id = start.workflow_id;
    let view = world.requests.get(&id).await.unwrap();
    assert_eq!(view.state, State::Accepted);

    world.plato.running(&id, 1, 3).await;
    match within(world.role.hears()).await {
        Told::Progress(progress) => {
            assert_eq!((progress.call_id.as_str(), progress.fraction), ("c", 0.3));
        }
        other => panic!("progress was expected, not {other:?}"),
    }
    world.plato.succeeded(&id, 2, "olleh").await;
    let result = within(world.role.answer()).await;
    assert_eq!((&*result.call_id, &result.request_id), ("c", &id));
    assert_eq!(response(&result), olleh());
    assert_eq!(world.ended(&id).await.state, State::Succeeded);
    assert_eq!(world.role.state("c").await, MessageState::Completed);
    assert!(world.role.is_idle().await && world.plato.is_idle().await);
}

#[tokio::test]
async fn a_refused_call_is_told_everything_at_once() {
    let world = World::in_memory().await;
    world.role.call("c", "bad").await;
    let result = within(world.role.answer()).await;
    let error = error(&result);
    assert_eq!(
        (error.class, error.code.as_str()),
        (Class::User, "REQUEST_REFUSED")
    );
    let codes: Vec<_> = error
        .causes
        .iter()
        .map(|cause| cause.code.as_str())
        .collect();
    assert_eq!(codes, ["BAD", "WORSE"]);
    assert_eq!(result.request_id, "");
    assert!(
        world
            .requests
            .list(&Default::default())
            .await
            .unwrap()
            .views
            .is_empty()
    );
    assert_eq!(world.role.call("c", "bad").await, Outcome::Duplicate);
    assert!(world.role.is_idle().await && world.plato.is_idle().await);
}

#[tokio::test]
async fn what_is_for_roles_is_refused_to_callers_outside() {
    let world = World::in_memory().await;
    let outside = Caller::default();
    let refused = world
        .requests
        .submit(&outside, asking("for roles", ""))
        .await;
    assert_eq!(refused.unwrap_err()[0].code, "NOT_FOR_YOU");
    world.role.call("c", "for roles").await;
    let id = within(world.plato.next()).await.started().workflow_id;
    world.plato.succeeded(&id, 1, "olleh").await;
    assert_eq!(response(&within(world.role.answer()).await), olleh());
}

#[tokio::test]
async fn a_failure_is_told_with_its_class_and_its_request() {
    let world = World::in_memory().await;
    world.role.call("c", "hello").await;
    let id = within(world.plato.next()).await.started().workflow_id;
    let cause = Error::source("TRUNCATED", "ends early").frames(3, 9);
    world.plato.failed(&id, 1, cause).await;
    let told = error(&within(world.role.answer()).await);
    assert_eq!(
        (told.class, told.code.as_str()),
        (Class::Source, "TRUNCATED")
    );
    assert_eq!(told.message, format!("ends early (request {id} of echo)"));
}

#[tokio::test]
async fn a_canceled_call_cancels_its_request() {
    let world = World::in_memory().await;
    world.role.call("c", "hello").await;
    let id = within(world.plato.next()).await.started().workflow_id;
    world.plato.running(&id, 1, 3).await;
    world.running(&id).await;
    world.role.cancel("c").await;
    let cancel = within(world.plato.next()).await.canceled();
    assert_eq!(
        (cancel.workflow_id, &*cancel.reason),
        (id.clone(), "not wanted any more")
    );
    assert_eq!(world.ended(&id).await.state, State::Canceled);
    assert_eq!(error(&within(world.role.answer()).await).code, "CANCELED");
    assert_eq!(world.role.cancel("c").await, Outcome::Duplicate);
    assert!(world.role.is_idle().await && world.plato.is_idle().await);
}

#[tokio::test]
async fn a_cancellation_that_overtakes_its_call_is_remembered_through_a_kill() {
    let world = World::in_memory().await;
    world.role.cancel("c").await;
    world.until_settled("c/cancel").await;
    let world = world.kill().await;
    world.role.call("c", "hello").await;
    assert_eq!(error(&within(world.role.answer()).await).code, "CANCELED");
    world.role.call("d", "hello").await;
    within(world.plato.next()).await.started();
    assert!(
        world.plato.is_idle().await,
        "the other one alone was started"
    );
}

#[tokio::test]
async fn a_cancellation_that_comes_while_its_call_is_taken_wins() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.prepare_gate.lock().unwrap() = Some(gate.clone());
    world.role.call("c", "hello").await;
    world.until_prepared().await;
    world.role.cancel("c").await;
    world.until_settled("c/cancel").await;
    gate.add_permits(1);
    assert_eq!(error(&within(world.role.answer()).await).code, "CANCELED");
    assert!(world.plato.is_idle().await);
}

#[tokio::test]
async fn a_call_whose_message_was_canceled_under_way_ends_too() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.prepare_gate.lock().unwrap() = Some(gate.clone());
    world.role.call("c", "hello").await;
    world.until_prepared().await;
    world.role.cancel_message("c").await;
    gate.add_permits(1);
    let id = within(world.plato.next()).await.started().workflow_id;
    assert_eq!(within(world.plato.next()).await.canceled().workflow_id, id);
    assert_eq!(world.ended(&id).await.state, State::Canceled);
    assert!(matches!(
        within(world.role.hears()).await,
        Told::Terminated(_)
    ));
    assert_eq!(error(&within(world.role.answer()).await).code, "CANCELED");
}

/// Kills everything after each step in turn, and after all of them.
async fn through_kills(world: World, kill_after: impl Fn(u32) -> bool) {
    let mut world = world;
    let kill = async |world: World, step| match kill_after(step) {
        true => world.kill().await,
        false => world,
    };
    world.role.call("c", "hello").await;
    world = kill(world, 0).await;
    world.until_settled("c").await;
    world = kill(world, 1).await;
    let id = within(world.plato.next()).await.started().workflow_id;
    world = kill(world, 2).await;
    world.plato.running(&id, 1, 1).await;
    world.running(&id).await;
    world = kill(world, 3).await;
    world.plato.succeeded(&id, 2, "olleh").await;
    world = kill(world, 4).await;
    assert_eq!(world.ended(&id).await.state, State::Succeeded);
    world = kill(world, 5).await;
    let result = within(world.role.answer()).await;
    assert_eq!((response(&result), result.request_id), (olleh(), id));
    world = kill(world, 6).await;
    assert_eq!(world.role.call("c", "hello").await, Outcome::Duplicate);
    world = kill(world, 7).await;
    assert!(world.role.is_idle().await, "it was answered once");
    assert!(world.plato.is_idle().await, "it was started once");
}

#[tokio::test]
async fn a_kill_after_any_step_loses_and_doubles_nothing() {
    for step in 0..8 {
        through_kills(World::in_memory().await, |now| now == step).await;
    }
    through_kills(World::in_memory().await, |_| true).await;
}

#[tokio::test]
async fn a_restart_after_any_step_loses_and_doubles_nothing_on_a_real_disk() {
    through_kills(World::on_disk().await, |_| true).await;
}

#[tokio::test]
async fn a_kill_while_a_call_is_taken_takes_it_again() {
    let world = World::in_memory().await;
    let gate = Arc::new(Semaphore::new(0));
    *world.script.prepare_gate.lock().unwrap() = Some(gate.clone());
    world.role.call("c", "hello").await;
    world.until_prepared().await;
    let world = world.kill().await;
    within(world.plato.next()).await.started();
    assert!(world.plato.is_idle().await);
}

#[tokio::test]
async fn an_unknown_commit_of_a_call_is_settled_by_reading_again() {
    for fault in [
        Fault::UnknownApplied,
        Fault::UnknownLost,
        Fault::Unavailable,
    ] {
        let world = World::in_memory().await;
        world.store.script(Call::Commit, [fault]);
        world.role.call("c", "hello").await;
        let id = within(world.plato.next()).await.started().workflow_id;
        world.until_settled("c").await;
        world.plato.succeeded(&id, 1, "olleh").await;
        assert_eq!(response(&within(world.role.answer()).await), olleh());
        assert!(world.role.is_idle().await && world.plato.is_idle().await);
    }
}

#[tokio::test]
async fn a_store_that_keeps_failing_loses_and_doubles_no_call() {
    const CALLS: usize = 12;
    let world = World::in_memory().await;
    let faults = (0..40).map(|n| match n % 6 {
        0 => Fault::UnknownApplied,
        2 => Fault::UnknownLost,
        4 => Fault::Unavailable,
        _ => Fault::None,
    });
    world.store.script(Call::Commit, faults);
    let ids: Vec<String> = (0..CALLS).map(|n| format!("call {n}")).collect();
    join_all(ids.iter().map(|id| world.role.call(id, id))).await;
    let workflows = async {
        for _ in 0..CALLS {
            let Asked::Start(start) = world.plato.next().await else {
                panic!("nothing was canceled");
            };
            let body = start.input.as_option().unwrap().inline.clone();
            let output = String::from_utf8(body).unwrap();
            world.plato.succeeded(&start.workflow_id, 1, &output).await;
        }
    };
    let answers = async {
        let mut answered = Vec::new();
        while answered.len() < CALLS {
            let result = world.role.answer().await;
            assert!(result.error.is_unset(), "{result:?}");
            answered.push(result.call_id);
        }
        answered
    };
    let (mut answered, ()) = within(futures::future::join(answers, workflows)).await;
    answered.sort_unstable();
    let mut ids = ids;
    ids.sort_unstable();
    assert_eq!(answered, ids);
    assert!(world.role.is_idle().await && world.plato.is_idle().await);
    let listing = world.requests.list(&Default::default()).await.unwrap();
    assert_eq!(listing.views.len(), CALLS);
}

#[tokio::test]
async fn a_caller_who_asks_again_after_the_queue_forgot_is_told_again() {
    let world = World::in_memory().await;
    world.role.forget().await;
    world.role.call("c", "hello").await;
    let id = within(world.plato.next()).await.started().workflow_id;
    world.plato.succeeded(&id, 1, "olleh").await;
    let first = within(world.role.answer()).await;
    assert_eq!(
        world.role.call("c", "hello").await,
        Outcome::Done,
        "forgotten"
    );
    assert_eq!(within(world.role.answer()).await, first);
    assert!(world.plato.is_idle().await);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_told() {
    let world = World::in_memory().await;
    world
        .role
        .send_payload("garbage", b"\xff\xff".as_slice().into())
        .await;
    // Whoever sent it did not even say for whom.
    let Told::Terminated(ended) = within(world.role.hears()).await else {
        panic!("the queue tells that it ended");
    };
    assert_eq!(ended.message_id, "garbage");
    assert_eq!(ended.error.as_option().unwrap().code, "MALFORMED_CALL");

    let other = proto::base::v1::Envelope {
        r#type: "base.v1.Error".into(),
        ..calling("hello")
    };
    world.role.send("other", other).await;
    assert_eq!(
        error(&within(world.role.answer()).await).code,
        "MALFORMED_CALL"
    );
    assert_eq!(world.role.state("other").await, MessageState::Errored);
    world.role.call("c", "hello").await;
    within(world.plato.next()).await.started();
}

#[tokio::test]
async fn a_response_that_is_too_large_is_an_error_that_says_so() {
    let world = World::in_memory().await;
    world.role.call("c", "hello").await;
    let id = within(world.plato.next()).await.started().workflow_id;
    world.plato.succeeded(&id, 1, &"x".repeat(15_000)).await;
    assert_eq!(
        error(&within(world.role.answer()).await).code,
        "RESPONSE_TOO_LARGE"
    );
    assert_eq!(world.ended(&id).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_service_that_panics_over_a_call_is_asked_again() {
    let world = World::in_memory().await;
    world.script.panics.store(1, Ordering::SeqCst);
    world.role.call("c", "hello").await;
    within(world.plato.next()).await.started();
    assert_eq!(world.script.panics.load(Ordering::SeqCst), 0);
}
