use timestone::{Outcome, QueueConfig, QueueCount, Refusal};

use crate::world::{World, demand, message, only};

pub async fn the_most_urgent_comes_first_then_the_oldest(world: World) {
    for (id, priority) in [("a", 5), ("b", 1), ("c", 5), ("d", -3), ("e", 1)] {
        world.enqueue(message("q", id, priority)).await.unwrap();
    }
    assert_eq!(world.ids("q", 3, "r1").await, ["d", "b", "e"]);
    assert_eq!(world.ids("q", 9, "r2").await, ["a", "c"]);
}

pub async fn the_most_urgent_of_several_queues_comes_first(world: World) {
    for (queue, id, priority) in [("x", "a", 2), ("y", "b", 1), ("x", "c", 3), ("z", "d", 0)] {
        world.enqueue(message(queue, id, priority)).await.unwrap();
    }
    let mut request = demand("x", 9, "r");
    request.queues.push("y".into());
    let leased = world.timestone.dequeue(request).await.unwrap();
    let ids: Vec<_> = leased
        .iter()
        .map(|leased| leased.token.key.id.as_str())
        .collect();
    assert_eq!(ids, ["b", "a", "c"]);
}

pub async fn a_retried_message_keeps_its_place(world: World) {
    for id in ["a", "b"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let leased = world.lease_one("q", "r1").await;
    world
        .timestone
        .release(vec![leased.token], true)
        .await
        .unwrap();
    assert_eq!(world.ids("q", 9, "r2").await, ["a", "b"]);
}

pub async fn what_is_enqueued_twice_is_there_once(world: World) {
    let twice = vec![message("q", "a", 0), message("q", "a", 7)];
    let outcomes = world.timestone.enqueue(twice).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Done), Ok(Outcome::Duplicate)]);
    let leased = world.lease_one("q", "r").await;
    assert_eq!(leased.priority, 0);
    world
        .timestone
        .complete(vec![crate::ends::done(&leased)])
        .await
        .unwrap();
    let again = world.enqueue(message("q", "a", 0)).await;
    assert_eq!(again, Ok(Outcome::Duplicate));
    assert!(world.lease("q", 1, "r2").await.is_empty());
}

pub async fn a_full_queue_refuses_producers(world: World) {
    let config = QueueConfig {
        max_depth: 1,
        ..QueueConfig::default()
    };
    world.timestone.put_queue("q", config).await.unwrap();
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let refused = world.enqueue(message("q", "b", 0)).await.unwrap_err();
    assert_eq!(refused.code(), "QUEUE_FULL");
    assert_eq!(
        world.enqueue(message("q", "a", 0)).await,
        Ok(Outcome::Duplicate)
    );
    let leased = world.lease_one("q", "r").await;
    world
        .timestone
        .complete(vec![crate::ends::done(&leased)])
        .await
        .unwrap();
    world.enqueue(message("q", "b", 0)).await.unwrap();
}

pub async fn a_message_that_comes_too_late_is_refused(world: World) {
    let mut late = message("q", "a", 0);
    late.not_after = Some(world.now() - 1);
    let refused = world.enqueue(late.clone()).await.unwrap_err();
    assert_eq!(refused.code(), "TOO_LATE");
    late.not_after = Some(world.now());
    assert_eq!(world.enqueue(late).await, Ok(Outcome::Done));
}

pub async fn a_message_outside_the_limits_is_refused_by_field(world: World) {
    let mut large = message("q", "a", 0);
    large.metadata = (0..5).map(|n| (n.to_string(), String::new())).collect();
    let nameless = message("q", "", 0);
    let fine = message("q", "fine", 0);
    let batch = vec![large, nameless, fine];
    let outcomes = world.timestone.enqueue(batch).await.unwrap();
    let fields: Vec<_> = outcomes.iter().map(field).collect();
    assert_eq!(fields, [Some("metadata"), Some("id"), None]);
    assert_eq!(world.ids("q", 9, "r").await, ["fine"]);
}

fn field(outcome: &Result<Outcome, Refusal>) -> Option<&'static str> {
    match outcome {
        Err(Refusal::Invalid { field, .. }) => Some(field),
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => None,
    }
}

pub async fn messages_are_counted_by_state(world: World) {
    let mut later = message("q", "later", 0);
    later.invisible_ms = 1_000;
    world.enqueue(later).await.unwrap();
    for id in ["a", "b", "c"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let leased = world.lease("q", 2, "r").await;
    world
        .timestone
        .complete(vec![crate::ends::done(&leased[0])])
        .await
        .unwrap();
    let counts = world.timestone.count(&[]).await.unwrap();
    let expected = QueueCount {
        queue: "q".into(),
        invisible: 1,
        pending: 1,
        running: 1,
        completed: 1,
        ..QueueCount::default()
    };
    assert_eq!(only(counts), expected);
    let unknown = world.timestone.count(&["no such".into()]).await.unwrap();
    assert_eq!(only(unknown).pending, 0);
}
