use timestone::{Failure, NewMessage, QueueConfig, QueueKind, Refusal};

use crate::waiting::wait;
use crate::world::{World, error, message, with};

pub fn exclusive() -> QueueConfig {
    QueueConfig {
        kind: QueueKind::Exclusive {
            key: "project".into(),
        },
        lease_ms: 1_000,
        ..QueueConfig::default()
    }
}

fn of(project: &str, id: &str, priority: i64) -> NewMessage {
    with(message("q", id, priority), &[("project", project)])
}

/// Two projects; the first has the most urgent messages.
async fn filled(world: &World) {
    world.configure("q", exclusive()).await;
    for (id, project, priority) in [("a", "x", 0), ("b", "x", 1), ("c", "y", 2), ("d", "x", 3)] {
        world.enqueue(of(project, id, priority)).await.unwrap();
    }
}

pub async fn one_message_of_each_value_is_leased(world: World) {
    filled(&world).await;
    let first = world.lease_one("q", "r1").await;
    assert_eq!(first.token.key.id, "a");
    assert_eq!(
        world.ids("q", 9, "r2").await,
        ["c"],
        "the next of another project"
    );
    assert!(world.lease("q", 9, "r3").await.is_empty());
    world.complete(&first).await;
    assert_eq!(world.ids("q", 9, "r4").await, ["b"]);
}

pub async fn a_value_is_free_again_however_its_lease_ends(world: World) {
    filled(&world).await;
    let released = world.lease_one("q", "r1").await;
    let tokens = vec![released.token];
    world.timestone.release(tokens, true).await.unwrap();
    let failed = world.lease("q", 1, "r2").await.remove(0);
    assert_eq!(failed.token.key.id, "a");
    let failure = Failure {
        token: failed.token,
        error: error("FLAKY"),
        retry_in_ms: 60_000,
        last: false,
        then_enqueue: Vec::new(),
    };
    world.timestone.fail(vec![failure]).await.unwrap();
    let lapsed = world.lease("q", 1, "r3").await.remove(0);
    assert_eq!(lapsed.token.key.id, "b");
    world.pass(1_000);
    let canceled = world.lease("q", 1, "r4").await.remove(0);
    assert_eq!(canceled.token.key.id, "b");
    let keys = vec![canceled.token.key];
    world.timestone.cancel(keys, "enough").await.unwrap();
    assert_eq!(world.ids("q", 9, "r5").await, ["c", "d"]);
}

pub async fn a_message_without_the_key_is_refused_by_name(world: World) {
    world.configure("q", exclusive()).await;
    let refused = world.enqueue(message("q", "a", 0)).await.unwrap_err();
    let Refusal::Invalid { field, problem } = refused else {
        panic!("refused otherwise: {refused}");
    };
    assert_eq!(field, "metadata");
    assert!(
        problem.contains("project") && problem.contains('q'),
        "{problem}"
    );
}

pub async fn a_freed_value_wakes_a_waiting_worker(world: World) {
    world.configure("q", exclusive()).await;
    for id in ["a", "b"] {
        world.enqueue(of("x", id, 0)).await.unwrap();
    }
    let leased = world.lease_one("q", "r1").await;
    let waiting = wait(&world, "r2").await;
    world.complete(&leased).await;
    assert_eq!(waiting.await.unwrap(), ["b"]);
}
