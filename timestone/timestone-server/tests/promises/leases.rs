use timestone::{Failure, MessageState, Outcome, QueueConfig, Refusal};

use crate::ends::done;
use crate::world::{World, demand, error, message, only, session};

pub async fn a_lease_belongs_to_one_worker_until_it_lapses(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let first = world.lease_one("q", "r1").await;
    world.pass(first.lease_ms - 1);
    assert!(world.lease("q", 1, "r2").await.is_empty());
    world.pass(1);
    let second = world.lease_one("q", "r3").await;
    assert_eq!(second.token.delivery, 2);
    assert_ne!(first.token, second.token);
    let outcomes = world.timestone.complete(vec![done(&first)]).await.unwrap();
    assert_eq!(only(outcomes), Err(Refusal::LeaseLost(first.token.clone())));
    let outcomes = world
        .timestone
        .extend(vec![first.token], None)
        .await
        .unwrap();
    assert_eq!(only(outcomes).unwrap_err().code(), "LEASE_LOST");
    let outcomes = world.timestone.complete(vec![done(&second)]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
}

pub async fn an_extended_lease_does_not_lapse(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r1").await;
    for _ in 0..5 {
        world.pass(leased.lease_ms - 1);
        let outcomes = world
            .timestone
            .extend(vec![leased.token.clone()], None)
            .await;
        assert_eq!(only(outcomes.unwrap()), Ok(Outcome::Done));
    }
    assert!(world.lease("q", 1, "r2").await.is_empty());
    let outcomes = world.timestone.complete(vec![done(&leased)]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
}

pub async fn a_repeated_dequeue_gets_the_same_messages(world: World) {
    for id in ["a", "b", "c"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let first = world.lease("q", 2, "r").await;
    assert_eq!(world.lease("q", 2, "r").await, first);
    world
        .timestone
        .complete(vec![done(&first[0])])
        .await
        .unwrap();
    assert_eq!(world.lease("q", 2, "r").await, first[1..]);
    assert_eq!(world.ids("q", 2, "another").await, ["c"]);
}

pub async fn a_new_boot_frees_the_leases_of_the_old(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let before = world.lease_one("q", "r").await;
    let mut request = demand("q", 1, "r");
    request.session = session("w", "2");
    let after = only(world.timestone.dequeue(request).await.unwrap());
    assert_eq!(after.token.delivery, 2);
    let outcomes = world.timestone.complete(vec![done(&before)]).await.unwrap();
    assert_eq!(only(outcomes).unwrap_err().code(), "LEASE_LOST");
    let stale = world.timestone.dequeue(demand("q", 1, "r2")).await;
    assert!(stale.unwrap_err().to_string().contains("newer"));
    let outcomes = world.timestone.complete(vec![done(&after)]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
}

pub async fn a_released_message_comes_again_and_a_refund_costs_nothing(world: World) {
    let mut once = message("q", "a", 0);
    once.attempts = Some(1);
    world.enqueue(once).await.unwrap();
    let first = world.lease_one("q", "r1").await;
    assert_eq!(first.attempts_left, 0);
    let release = || world.timestone.release(vec![first.token.clone()], true);
    assert_eq!(only(release().await.unwrap()), Ok(Outcome::Done));
    assert_eq!(only(release().await.unwrap()), Ok(Outcome::Duplicate));
    let second = world.lease_one("q", "r2").await;
    assert_eq!((second.attempts_left, second.token.delivery), (0, 2));
    world
        .timestone
        .release(vec![second.token.clone()], false)
        .await
        .unwrap();
    let view = world
        .timestone
        .get(&second.token.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.state, MessageState::Errored);
}

pub async fn a_failed_message_comes_again_after_its_delay(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let leased = world.lease_one("q", "r1").await;
    let failure = Failure {
        token: leased.token.clone(),
        error: error("FLAKY"),
        retry_in_ms: 500,
        last: false,
        then_enqueue: Vec::new(),
    };
    let outcomes = world.timestone.fail(vec![failure.clone()]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
    let outcomes = world.timestone.fail(vec![failure]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Duplicate));
    let view = world
        .timestone
        .get(&leased.token.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.state, MessageState::Invisible);
    assert_eq!(view.until, Some(world.now() + 500));
    assert_eq!(view.error, Some(error("FLAKY")));
    world.pass(499);
    assert!(world.lease("q", 1, "r2").await.is_empty());
    world.pass(1);
    assert_eq!(world.lease_one("q", "r3").await.token.delivery, 2);
}

pub async fn a_lease_is_as_long_as_its_queue_or_caller_says(world: World) {
    let config = QueueConfig {
        lease_ms: 700,
        ..QueueConfig::default()
    };
    world.timestone.put_queue("q", config).await.unwrap();
    for id in ["a", "b"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let leased = world.lease_one("q", "r1").await;
    assert_eq!(
        (leased.lease_ms, leased.lease_until),
        (700, world.now() + 700)
    );
    let mut request = demand("q", 1, "r2");
    request.lease_ms = Some(900);
    let leased = only(world.timestone.dequeue(request).await.unwrap());
    assert_eq!(
        (leased.lease_ms, leased.lease_until),
        (900, world.now() + 900)
    );
}
