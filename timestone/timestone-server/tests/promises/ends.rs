use buffa::Message;
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use timestone::{
    Completion, Failure, LeasedMessage, MessageKey, MessageState, NewMessage, Outcome, QueueConfig,
    Refusal,
};
use timestone_client::{envelope, names};

use crate::world::{World, error, message, only};

pub fn done(leased: &LeasedMessage) -> Completion {
    Completion {
        token: leased.token.clone(),
        then_enqueue: Vec::new(),
    }
}

fn done_then(leased: &LeasedMessage, then_enqueue: Vec<NewMessage>) -> Completion {
    Completion {
        token: leased.token.clone(),
        then_enqueue,
    }
}

fn failed_for_good(leased: &LeasedMessage, then_enqueue: Vec<NewMessage>) -> Failure {
    Failure {
        token: leased.token.clone(),
        error: error("BROKEN"),
        retry_in_ms: 0,
        last: true,
        then_enqueue,
    }
}

/// A message whose end is told to "replies".
fn answered(id: &str) -> NewMessage {
    NewMessage {
        reply_to: Some("replies".into()),
        ..message("q", id, 0)
    }
}

/// The one announcement that waits in "replies".
async fn announcement(world: &World) -> (wire::Terminated, errors::Error) {
    let leased = world.lease_one("replies", "announcements").await;
    let envelope = envelope::of_payload(&leased.payload).unwrap();
    let told: wire::Terminated = envelope::open(&envelope).unwrap();
    assert_eq!(
        leased.token.key.id,
        names::terminated_id(&told.queue, &told.message_id)
    );
    assert_eq!(
        envelope.correlation_id,
        format!("about {}", told.message_id)
    );
    let error = told.error.clone().into_option().unwrap();
    (told, error.into())
}

async fn state(world: &World, id: &str) -> MessageState {
    let key = MessageKey {
        queue: "q".into(),
        id: id.into(),
    };
    world.timestone.get(&key).await.unwrap().unwrap().state
}

pub async fn completing_hands_work_on(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let completion = done_then(
        &leased,
        vec![message("next", "b", 0), message("next", "c", 0)],
    );
    world.timestone.complete(vec![completion]).await.unwrap();
    assert_eq!(world.ids("next", 9, "r2").await, ["b", "c"]);
    assert_eq!(state(&world, "a").await, MessageState::Completed);
}

pub async fn completing_is_all_or_nothing(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let bad = vec![message("next", "b", 0), message("", "c", 0)];
    let outcomes = world
        .timestone
        .complete(vec![done_then(&leased, bad)])
        .await;
    assert!(matches!(
        only(outcomes.unwrap()),
        Err(Refusal::Invalid { field: "queue", .. })
    ));
    assert_eq!(state(&world, "a").await, MessageState::Running);
    assert!(world.lease("next", 9, "r2").await.is_empty());
    let good = vec![message("next", "b", 0)];
    let outcomes = world
        .timestone
        .complete(vec![done_then(&leased, good)])
        .await;
    assert_eq!(only(outcomes.unwrap()), Ok(Outcome::Done));
}

pub async fn work_is_handed_on_to_a_full_queue(world: World) {
    let config = QueueConfig {
        max_depth: 1,
        ..QueueConfig::default()
    };
    world.timestone.put_queue("next", config).await.unwrap();
    world.enqueue(message("next", "first", 0)).await.unwrap();
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let completion = done_then(&leased, vec![message("next", "second", 0)]);
    let outcomes = world.timestone.complete(vec![completion]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
    assert_eq!(world.ids("next", 9, "r2").await, ["first", "second"]);
}

pub async fn a_repeated_end_is_a_duplicate(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let completion = done_then(&leased, vec![message("next", "b", 0)]);
    let twice = vec![completion.clone(), completion];
    let outcomes = world.timestone.complete(twice).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done), Ok(Outcome::Duplicate)]);
    assert_eq!(world.ids("next", 9, "r2").await, ["b"]);
    let other_end = world.timestone.release(vec![leased.token], true).await;
    assert_eq!(only(other_end.unwrap()).unwrap_err().code(), "LEASE_LOST");
}

pub async fn running_out_of_attempts_is_announced(world: World) {
    let mut poison = answered("a");
    poison.attempts = Some(2);
    world.enqueue(poison).await.unwrap();
    let first = world.lease_one("q", "r1").await;
    let failure = Failure {
        last: false,
        ..failed_for_good(&first, Vec::new())
    };
    world.timestone.fail(vec![failure]).await.unwrap();
    let second = world.lease_one("q", "r2").await;
    assert!(world.lease("replies", 1, "early").await.is_empty());
    world.pass(second.lease_ms);
    let (told, error) = announcement(&world).await;
    assert_eq!((told.queue.as_str(), told.message_id.as_str()), ("q", "a"));
    assert_eq!(told.state.as_known(), Some(wire::MessageState::Errored));
    assert_eq!(
        (told.deliveries, error.code.as_str()),
        (2, "ATTEMPTS_USED_UP")
    );
    assert_eq!(error.class, errors::Class::Platform);
    assert_eq!(only(error.causes).code, "BROKEN");
    assert_eq!(state(&world, "a").await, MessageState::Errored);
}

pub async fn failing_for_good_is_announced_once(world: World) {
    world.enqueue(answered("a")).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let failure = failed_for_good(&leased, Vec::new());
    let outcomes = world.timestone.fail(vec![failure.clone(), failure]).await;
    assert_eq!(
        outcomes.unwrap(),
        [Ok(Outcome::Done), Ok(Outcome::Duplicate)]
    );
    let (told, error) = announcement(&world).await;
    assert_eq!((told.deliveries, error.code.as_str()), (1, "BROKEN"));
}

pub async fn a_worker_that_hands_on_its_failure_is_not_spoken_for(world: World) {
    world.enqueue(answered("a")).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let failure = failed_for_good(&leased, vec![message("replies", "mine", 0)]);
    world.timestone.fail(vec![failure]).await.unwrap();
    assert_eq!(world.ids("replies", 9, "r2").await, ["mine"]);
    assert_eq!(state(&world, "a").await, MessageState::Errored);
}

pub async fn canceling_stops_the_worker_and_is_announced(world: World) {
    world.enqueue(answered("a")).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    let key = leased.token.key.clone();
    let cancel = || {
        world
            .timestone
            .cancel(vec![key.clone()], "no longer wanted")
    };
    assert_eq!(only(cancel().await.unwrap()), Ok(Outcome::Done));
    assert_eq!(only(cancel().await.unwrap()), Ok(Outcome::Duplicate));
    let outcomes = world
        .timestone
        .extend(vec![leased.token.clone()], None)
        .await;
    assert_eq!(only(outcomes.unwrap()), Err(Refusal::Canceled(key.clone())));
    let outcomes = world.timestone.complete(vec![done(&leased)]).await;
    assert_eq!(only(outcomes.unwrap()), Err(Refusal::Canceled(key)));
    let (told, error) = announcement(&world).await;
    assert_eq!(told.state.as_known(), Some(wire::MessageState::Canceled));
    assert_eq!(error.class, errors::Class::Canceled);
    assert!(error.message.contains("no longer wanted"));
}

pub async fn canceling_what_was_not_seen_refuses_it(world: World) {
    let key = MessageKey {
        queue: "q".into(),
        id: "a".into(),
    };
    let outcomes = world
        .timestone
        .cancel(vec![key.clone()], "changed my mind")
        .await;
    assert_eq!(only(outcomes.unwrap()), Ok(Outcome::Done));
    for _ in 0..2 {
        let refused = world.enqueue(answered("a")).await;
        assert_eq!(refused, Err(Refusal::Canceled(key.clone())));
    }
    assert!(world.lease("q", 1, "r").await.is_empty());
    let (told, error) = announcement(&world).await;
    assert_eq!(told.deliveries, 0);
    assert!(error.message.contains("changed my mind"));
}

pub async fn an_ended_message_is_forgotten_after_its_retention(world: World) {
    let config = QueueConfig {
        retention_ms: 5_000,
        ..QueueConfig::default()
    };
    world.timestone.put_queue("q", config).await.unwrap();
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r1").await;
    world.timestone.complete(vec![done(&leased)]).await.unwrap();
    world.pass(4_999);
    assert!(world.lease("q", 1, "r2").await.is_empty());
    assert_eq!(state(&world, "a").await, MessageState::Completed);
    world.pass(1);
    assert!(world.lease("q", 1, "r3").await.is_empty());
    assert_eq!(world.timestone.get(&leased.token.key).await.unwrap(), None);
    assert_eq!(world.enqueue(message("q", "a", 0)).await, Ok(Outcome::Done));
}

/// Errors travel as they are.
#[test]
fn the_error_of_a_failure_is_readable() {
    let error = base::Error::decode_from_slice(&error("X")).unwrap();
    assert_eq!(errors::Error::from(error).code, "X");
}
