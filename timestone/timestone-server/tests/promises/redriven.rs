use timestone::{
    DeadLetter, Failure, LeasedMessage, MessageState, Outcome, QueueConfig, Refusal, Reschedule,
};
use timestone_client::limits;

use crate::world::{World, error, key, message, only, with};

async fn configure(world: &World, copy: bool) {
    let config = QueueConfig {
        attempts: 3,
        dead_letter: Some(DeadLetter {
            queue: "dead".into(),
            copy,
        }),
        ..QueueConfig::default()
    };
    world.configure("q", config).await;
}

async fn fail(world: &World, leased: &LeasedMessage) {
    let failure = Failure {
        token: leased.token.clone(),
        error: error("BROKEN"),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    };
    let outcomes = world.timestone.fail(vec![failure]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
}

async fn redrive(world: &World, id: &str, attempts: Option<u32>) -> Result<Outcome, Refusal> {
    let keys = vec![key("q", id)];
    only(world.timestone.redrive(keys, attempts).await.unwrap())
}

pub async fn an_errored_message_is_put_back_with_its_attempts(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    fail(&world, &world.lease_one("q", "r1").await).await;
    assert_eq!(redrive(&world, "a", Some(1)).await, Ok(Outcome::Done));
    assert_eq!(redrive(&world, "a", Some(1)).await, Ok(Outcome::Duplicate));
    let again = world.lease_one("q", "r2").await;
    assert_eq!((again.attempts_left, again.token.delivery), (0, 2));
    fail(&world, &again).await;
    assert_eq!(redrive(&world, "a", None).await, Ok(Outcome::Done));
    assert_eq!(world.lease_one("q", "r3").await.attempts_left, 15);
    let unknown = redrive(&world, "b", None).await;
    assert_eq!(unknown, Err(Refusal::NotFound(key("q", "b"))));
}

pub async fn a_dead_letter_moves_with_its_error_and_comes_back(world: World) {
    configure(&world, false).await;
    let sent = with(message("q", "a", 7), &[("title", "x")]);
    world.enqueue(sent.clone()).await.unwrap();
    fail(&world, &world.lease_one("q", "r1").await).await;
    let moved = world.view("q", "a").await;
    assert_eq!(
        (moved.state, moved.payload.len()),
        (MessageState::Errored, 0)
    );
    let letter = world.lease_one("dead", "r2").await;
    assert_eq!(letter.token.key.id, "q/a/errored/1");
    assert_eq!((&letter.payload, letter.priority), (&sent.payload, 7));
    assert_eq!(letter.metadata, sent.metadata);
    let view = world.view("dead", "q/a/errored/1").await;
    assert_eq!(view.error, Some(error("BROKEN")));
    let gone = redrive(&world, "a", None).await;
    assert_eq!(gone, Err(Refusal::PayloadGone(key("q", "a"))));
    let tokens = vec![letter.token.clone()];
    world.timestone.release(tokens, true).await.unwrap();
    assert_eq!(redrive(&world, "a", None).await, Ok(Outcome::Done));
    assert_eq!(world.timestone.get(&letter.token.key).await.unwrap(), None);
    let back = world.lease_one("q", "r3").await;
    assert_eq!(
        (&back.payload, &back.metadata),
        (&sent.payload, &sent.metadata)
    );
    assert_eq!(back.attempts_left, 2);
}

pub async fn a_copied_dead_letter_leaves_the_message_where_it_is(world: World) {
    configure(&world, true).await;
    world.enqueue(message("q", "a", 0)).await.unwrap();
    fail(&world, &world.lease_one("q", "r1").await).await;
    assert_eq!(
        world.view("q", "a").await.payload,
        message("q", "a", 0).payload
    );
    assert_eq!(redrive(&world, "a", None).await, Ok(Outcome::Done));
    fail(&world, &world.lease_one("q", "r2").await).await;
    let letters = world.ids("dead", 9, "r3").await;
    assert_eq!(letters, ["q/a/errored/1", "q/a/errored/2"]);
}

pub async fn a_waiting_message_is_rescheduled(world: World) {
    for (id, priority) in [("a", 1), ("b", 2), ("c", 3)] {
        world.enqueue(message("q", id, priority)).await.unwrap();
    }
    let to = |id: &str, priority, visible_at| Reschedule {
        key: key("q", id),
        priority,
        visible_at,
    };
    let later = world.now() + 1_000;
    let schedules = || vec![to("c", Some(0), None), to("a", None, Some(later))];
    let outcomes = world.timestone.reschedule(schedules()).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done), Ok(Outcome::Done)]);
    let outcomes = world.timestone.reschedule(schedules()).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Duplicate), Ok(Outcome::Duplicate)]);
    assert_eq!(world.view("q", "a").await.until, Some(later));
    assert_eq!(world.ids("q", 9, "r1").await, ["c", "b"]);
    let far = world.now() + 2 * limits::MAX_DELAY_MS as i64;
    let refused = vec![
        to("b", Some(0), None),
        to("no", Some(0), None),
        to("a", None, None),
        to("a", None, Some(far)),
    ];
    let outcomes = world.timestone.reschedule(refused).await.unwrap();
    let codes: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().unwrap_err().code())
        .collect();
    let invalid = "INVALID_ARGUMENT";
    assert_eq!(
        codes,
        ["MESSAGE_NOT_WAITING", "MESSAGE_NOT_FOUND", invalid, invalid]
    );
    let now = vec![to("a", None, Some(0))];
    assert_eq!(
        only(world.timestone.reschedule(now).await.unwrap()),
        Ok(Outcome::Done)
    );
    assert_eq!(world.ids("q", 9, "r2").await, ["a"]);
}
