//! Time, cancellation and death: no invocation is told twice, nothing is left behind.

use std::time::Duration;

use crate::support::{World, eventually, invocation};
use clock::Clock;
use errors::Class;
use proto::timestone::v1::Terminated;
use stratum::Invocation;
use stratum_agent::Config;
use timestone::{MessageKey, MessageState, Session};
use timestone_client::{envelope, names};

/// Says that it runs, then runs until it is killed.
const ENDLESS: &str = "echo progress=0.5 >&3; while :; do sleep 0.1; done";

fn short_leases() -> Config {
    Config {
        lease_ms: Some(600),
        ..Config::new("agent", 2, 8_000_000_000)
    }
}

#[tokio::test]
async fn a_long_run_keeps_its_lease() {
    let world = World::new();
    world.function("long", "", "sleep 2");
    let agent = world.agent_with(short_leases()).await;
    let result = world.run(invocation("long", "i")).await;
    assert!(result.outcome.is_ok());
    let end = world.message("long", "i").await;
    assert_eq!((end.state, end.deliveries), (MessageState::Completed, 1));
    assert_eq!(agent.counts().lost, 0);
}

#[tokio::test]
async fn a_canceled_invocation_is_killed_and_leaves_nothing() {
    let world = World::new();
    world.function("endless", "", ENDLESS);
    let agent = world.agent_with(short_leases()).await;
    world.enqueue(invocation("endless", "i")).await;
    world.reply().await;
    let key = MessageKey {
        queue: names::function("endless"),
        id: "i".into(),
    };
    world
        .timestone
        .cancel(vec![key], "no longer wanted")
        .await
        .unwrap();
    let end: Terminated = envelope::open(&world.reply().await).unwrap();
    assert_eq!(end.message_id, "i");
    eventually("the function is killed", || agent.counts().canceled == 1).await;
    eventually("its directory is removed", || world.attempts() == 0).await;
    assert_eq!(agent.counts().executed, 0);
}

#[tokio::test]
async fn the_result_of_a_lost_lease_is_refused() {
    let world = World::new();
    // It ends by itself, after its lease was taken away and before the next heartbeat.
    let script = "echo progress=0.5 >&3; while [ ! -e input/source.d/go ]; do sleep 0.02; done";
    let gate = world.path("gate");
    std::fs::create_dir(&gate).unwrap();
    world.function("slow", "", &script.replace("input/source.d/go", "input/go"));
    let agent = world.agent().await;
    world.enqueue(invocation("slow", "i")).await;
    world.reply().await;
    // A new start of the same agent takes its leases back.
    let session = Session {
        owner: "agent".into(),
        boot: "zzzz".into(),
    };
    let taken = world.lease(&names::function("slow"), session).await;
    assert_eq!(taken.token.delivery, 2);
    let input = find(&world.path("blobs/staging"), "input");
    std::fs::write(input.join("go"), "").unwrap();
    eventually("the late result is refused", || agent.counts().refused == 1).await;
    let message = world.message("slow", "i").await;
    assert_eq!(message.state, MessageState::Running);
    let completion = timestone::Completion {
        token: taken.token,
        then_enqueue: vec![],
    };
    let outcomes = world.timestone.complete(vec![completion]).await.unwrap();
    assert!(outcomes[0].is_ok());
}

/// The directory of this name, three levels below `staging`.
fn find(staging: &std::path::Path, name: &str) -> std::path::PathBuf {
    let children = |path: &std::path::Path| -> Vec<_> {
        let entries = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let attempts = children(staging)
        .into_iter()
        .flat_map(|process| children(&process));
    let works = attempts.map(|attempt| attempt.join("work").join(name));
    works.into_iter().find(|path| path.is_dir()).unwrap()
}

#[tokio::test]
async fn a_lost_lease_stops_the_run() {
    let world = World::new();
    world.function("endless", "", ENDLESS);
    let agent = world.agent_with(short_leases()).await;
    world.enqueue(invocation("endless", "i")).await;
    world.reply().await;
    let session = Session {
        owner: "agent".into(),
        boot: "zzzz".into(),
    };
    let taken = world.lease(&names::function("endless"), session).await;
    eventually("the run is stopped", || agent.counts().lost == 1).await;
    eventually("its directory is removed", || world.attempts() == 0).await;
    drop(taken);
}

#[tokio::test]
async fn a_stopped_agent_gives_its_work_back_uncounted() {
    let world = World::new();
    world.function("endless", "", ENDLESS);
    let agent = world.agent().await;
    world.enqueue(invocation("endless", "i")).await;
    world.reply().await;
    agent.stop().await;
    let message = world.message("endless", "i").await;
    assert_eq!(message.state, MessageState::Pending);
    let session = Session {
        owner: "other".into(),
        boot: "1".into(),
    };
    let again = world.lease(&names::function("endless"), session).await;
    assert_eq!(again.attempts_left, message.attempts_left - 1);
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn a_timeout_and_a_deadline_are_told_apart() {
    let world = World::new();
    world.function("endless", "timeout: 1s", ENDLESS);
    world.function("patient", "timeout: 1h", ENDLESS);
    let _agent = world.agent().await;
    let error = world
        .run(invocation("endless", "i"))
        .await
        .outcome
        .unwrap_err();
    assert_eq!((error.class, &*error.code), (Class::Function, "TIMEOUT"));
    for left in [Duration::from_secs(1), Duration::ZERO] {
        let deadline = clock::SystemClock.now() + left;
        let id = format!("{left:?}");
        let set = |envelope: &mut proto::base::v1::Envelope| {
            envelope.deadline_unix_ms = deadline.unix_ms();
        };
        world.enqueue_with(invocation("patient", &id), set).await;
        let error = world.result().await.outcome.unwrap_err();
        assert_eq!((error.class, &*error.code), (Class::Deadline, "DEADLINE"));
    }
}

#[tokio::test]
async fn shapes_are_charged_against_the_host() {
    let world = World::new();
    let half = "shapes: [{group: half, numCpus: 1, memoryInMB: 600}]\nrouting: [{shape: half}]";
    let script =
        "began=$(date +%s%N); sleep 0.2; echo \"[$began,$(date +%s%N)]\" > output/result.json";
    world.function("alone", half, script);
    // Memory lets one run at a time, whatever the processors would allow.
    let agent = world
        .agent_with(Config::new("agent", 2, 1_000_000_000))
        .await;
    for id in ["1", "2", "3"] {
        world.enqueue(invocation("alone", id)).await;
    }
    let mut runs: Vec<(u64, u64)> = vec![];
    for _ in 0..3 {
        let value = world.result().await.outcome.unwrap();
        runs.push(serde_json::from_slice(&value.inline).unwrap());
    }
    runs.sort_unstable();
    assert!(
        runs.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "{runs:?}"
    );
    assert_eq!(agent.counts().executed, 3);
}

#[tokio::test]
async fn what_is_larger_than_the_host_is_left_to_others() {
    let world = World::new();
    let huge = "shapes: [{group: huge, numCpus: 64, memoryInMB: 600}]\nrouting: [{shape: huge}]";
    world.function("huge", huge, "true");
    let _agent = world.agent().await;
    world.enqueue(invocation("huge", "i")).await;
    let mut waiting = false;
    for _ in 0..600 {
        let message = world.message("huge", "i").await;
        waiting = message.state == MessageState::Invisible && message.error.is_some();
        if waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(waiting);
}

#[tokio::test]
async fn what_is_no_invocation_ends_at_once() {
    let world = World::new();
    world.function("any", "", "true");
    let _agent = world.agent().await;
    let message = timestone::NewMessage {
        queue: names::function("any"),
        id: "junk".into(),
        payload: "junk".into(),
        reply_to: Some("plato/test/0".into()),
        ..timestone::NewMessage::default()
    };
    world.timestone.enqueue(vec![message]).await.unwrap();
    let end: Terminated = envelope::open(&world.reply().await).unwrap();
    assert_eq!(end.message_id, "junk");
}

#[tokio::test]
async fn progress_is_told() {
    let world = World::new();
    let script = "echo progress=0.25 >&3; while [ ! -e input/go ]; do sleep 0.02; done";
    world.function("tells", "", script);
    let _agent = world.agent().await;
    world
        .enqueue(Invocation {
            element: 7,
            ..invocation("tells", "i")
        })
        .await;
    let told: proto::stratum::v1::InvocationProgress =
        envelope::open(&world.reply().await).unwrap();
    assert_eq!((told.element, told.fraction), (7, 0.25));
    let input = find(&world.path("blobs/staging"), "input");
    std::fs::write(input.join("go"), "").unwrap();
    assert!(world.result().await.outcome.is_ok());
}

/// The ids of these whose messages are leased.
async fn running(world: &World, function: &str, ids: &[&'static str]) -> Vec<&'static str> {
    let mut running = vec![];
    for id in ids {
        if world.message(function, id).await.state == MessageState::Running {
            running.push(*id);
        }
    }
    running
}

#[tokio::test]
async fn a_function_runs_as_often_at_once_as_it_says() {
    let world = World::new();
    let gated = "echo progress=0.5 >&3; while [ ! -e input/go ]; do sleep 0.02; done";
    world.function("few", "concurrency: 1", gated);
    world.function("many", "", "true");
    let agent = world
        .agent_with(Config::new("agent", 4, 8_000_000_000))
        .await;
    let mut left = vec!["a", "b", "c"];
    for id in &left {
        world.enqueue(invocation("few", id)).await;
    }
    while !left.is_empty() {
        // One says that it runs; others of other functions run beside it …
        let told = world.reply().await;
        assert!(envelope::holds::<proto::stratum::v1::InvocationProgress>(
            &told
        ));
        let beside = format!("beside {}", left.len());
        assert!(world.run(invocation("many", &beside)).await.outcome.is_ok());
        // … and the rest is left to other hosts.
        let running = running(&world, "few", &left).await;
        assert_eq!(running.len(), 1, "{running:?}");
        let input = find(&world.path("blobs/staging"), "input");
        std::fs::write(input.join("go"), "").unwrap();
        let result = world.result().await;
        assert_eq!(result.invocation_id, running[0]);
        left.retain(|id| *id != running[0]);
    }
    assert_eq!(agent.counts().executed, 6);
}

#[tokio::test]
async fn more_than_one_at_once_are_counted() {
    let world = World::new();
    world.function("endless", "concurrency: 2", ENDLESS);
    let agent = world
        .agent_with(Config::new("agent", 4, 8_000_000_000))
        .await;
    let ids = ["a", "b", "c"];
    for id in ids {
        world.enqueue(invocation("endless", id)).await;
    }
    for _ in 0..2 {
        world.reply().await;
    }
    assert_eq!(running(&world, "endless", &ids).await.len(), 2);
    agent.stop().await;
    assert!(running(&world, "endless", &ids).await.is_empty());
}
