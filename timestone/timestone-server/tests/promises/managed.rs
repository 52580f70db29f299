use timestone::{
    DeadLetter, Fairness, MessageState, NewMessage, Outcome, QueueConfig, QueueKind, Refusal,
};

use timestone_client::TimestoneError;

use crate::waiting::wait;
use crate::world::{World, key, message, only};

pub async fn a_queue_is_read_and_listed_as_it_was_configured(world: World) {
    let config = QueueConfig {
        kind: QueueKind::Exclusive {
            key: "project".into(),
        },
        lease_ms: 1_234,
        dead_letter: Some(DeadLetter {
            queue: "dead".into(),
            copy: true,
        }),
        indexed: ["title".into()].into(),
        fairness: Some(Fairness {
            key: "tenant".into(),
            weights: [("a".into(), 7)].into(),
        }),
        ..QueueConfig::default()
    };
    world.configure("a/1", config.clone()).await;
    world.enqueue(message("a/2", "m", 0)).await.unwrap();
    world.enqueue(message("b", "m", 0)).await.unwrap();
    let queue = world.timestone.queue("a/1").await.unwrap().unwrap();
    assert_eq!((queue.config, queue.configured), (config, true));
    let mut listed = world.timestone.list_queues("a/", "", 9).await.unwrap();
    let used = listed.remove(1);
    assert_eq!((used.count.queue.as_str(), used.count.pending), ("a/2", 1));
    assert!(!used.configured);
    assert_eq!(only(listed).count.queue, "a/1");
    let after = world.timestone.list_queues("a/", "a/1", 9).await.unwrap();
    assert_eq!(only(after), used);
    assert_eq!(world.timestone.queue("none").await.unwrap(), None);
}

pub async fn a_queue_with_work_is_deleted_by_force_alone(world: World) {
    let waits = NewMessage {
        reply_to: Some("replies".into()),
        ..message("q", "a", 0)
    };
    world.enqueue(waits).await.unwrap();
    let delete = |force| world.timestone.delete_queues(vec!["q".into()], force);
    let not_empty = Refusal::QueueNotEmpty {
        queue: "q".into(),
        depth: 1,
    };
    assert_eq!(only(delete(false).await.unwrap()), Err(not_empty));
    assert_eq!(only(delete(true).await.unwrap()), Ok(Outcome::Done));
    assert_eq!(only(delete(true).await.unwrap()), Ok(Outcome::Duplicate));
    assert_eq!(world.timestone.queue("q").await.unwrap(), None);
    assert_eq!(world.timestone.get(&key("q", "a")).await.unwrap(), None);
    assert_eq!(world.ids("replies", 9, "r").await, ["q/a/terminated"]);
}

pub async fn a_queue_with_work_stays_of_its_kind(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let put = world
        .timestone
        .put_queue("q", crate::exclusive::exclusive());
    let refused = put.await.unwrap_err();
    let TimestoneError::Refused(refusal) = refused else {
        panic!("refused otherwise: {refused}");
    };
    assert_eq!(refusal.code, "QUEUE_NOT_EMPTY");
}

pub async fn blocked_producers_are_refused_and_work_goes_on(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let blocked = QueueConfig {
        enqueue_blocked: true,
        ..QueueConfig::default()
    };
    world.configure("q", blocked).await;
    let refused = world.enqueue(message("q", "b", 0)).await;
    assert_eq!(refused, Err(Refusal::EnqueueBlocked { queue: "q".into() }));
    let known = world.enqueue(message("q", "a", 0)).await;
    assert_eq!(known, Ok(Outcome::Duplicate));
    let leased = world.lease_one("q", "r").await;
    let mut handing_on = crate::ends::done(&leased);
    handing_on.then_enqueue.push(message("q", "c", 0));
    let outcomes = world.timestone.complete(vec![handing_on]).await.unwrap();
    assert_eq!(only(outcomes), Ok(Outcome::Done));
    world.configure("q", QueueConfig::default()).await;
    world.enqueue(message("q", "b", 0)).await.unwrap();
    assert_eq!(world.ids("q", 9, "r2").await, ["c", "b"]);
}

pub async fn blocked_workers_get_nothing_until_they_are_let(world: World) {
    for id in ["a", "b"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    let leased = world.lease_one("q", "r1").await;
    let blocked = QueueConfig {
        dequeue_blocked: true,
        ..QueueConfig::default()
    };
    world.configure("q", blocked).await;
    let waiting = wait(&world, "r2").await;
    world.complete(&leased).await;
    assert_eq!(world.view("q", "b").await.state, MessageState::Pending);
    world.configure("q", QueueConfig::default()).await;
    assert_eq!(waiting.await.unwrap(), ["b"]);
}

pub async fn a_message_is_invisible_for_as_long_as_its_queue_says(world: World) {
    let config = QueueConfig {
        invisible_ms: 500,
        ..QueueConfig::default()
    };
    world.configure("q", config).await;
    let mut own = message("q", "own", 0);
    own.invisible_ms = 100;
    world.enqueue(own).await.unwrap();
    world.enqueue(message("q", "queue's", 0)).await.unwrap();
    assert!(world.lease("q", 9, "r1").await.is_empty());
    world.pass(100);
    assert_eq!(world.ids("q", 9, "r2").await, ["own"]);
    world.pass(400);
    assert_eq!(world.ids("q", 9, "r3").await, ["queue's"]);
}
