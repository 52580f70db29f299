use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use optimus::{Caller, State};
use store::{Call, Fault};

use crate::echo::asking;
use crate::plato::Asked;
use crate::world::{World, within};

/// As a careful caller does: again, with the same key, until it is told.
async fn insist(world: &World, n: usize) -> String {
    let (body, key) = (format!("body {n}"), format!("key {n}"));
    loop {
        match world
            .requests
            .submit(&Caller::default(), asking(&body, &key))
            .await
        {
            Ok(id) => return id,
            Err(problems) => assert!(problems.iter().all(|p| p.is_retryable()), "{problems:?}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn insist_on_the_end(world: &World, id: &str) -> State {
    loop {
        match world.requests.wait(id, crate::world::PATIENCE).await {
            Ok(view) if view.state.is_final() => return view.state,
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn an_unknown_commit_is_settled_by_reading_again() {
    for fault in [
        Fault::UnknownApplied,
        Fault::UnknownLost,
        Fault::Unavailable,
    ] {
        let world = World::in_memory().await;
        world.store.script(Call::Commit, [fault]);
        let first = world
            .requests
            .submit(&Caller::default(), asking("hello", "k"))
            .await;
        assert_eq!(first.unwrap_err()[0].code, "INTERRUPTED");
        let id = within(async {
            loop {
                let again = world
                    .requests
                    .submit(&Caller::default(), asking("hello", "k"))
                    .await;
                match again {
                    Ok(id) => return id,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await;
        assert_eq!(within(world.plato.next()).await.started().workflow_id, id);
        assert!(world.plato.is_idle().await);
        assert_eq!(
            world
                .requests
                .list(&Default::default())
                .await
                .unwrap()
                .views
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn a_store_that_keeps_failing_loses_and_doubles_nothing() {
    const REQUESTS: usize = 12;
    let world = Arc::new(World::in_memory().await);
    let seeded = Arc::clone(&world);
    // Every third call fails in some way for a while.
    let script = (0..40).map(|n| match n % 6 {
        0 => Fault::UnknownApplied,
        2 => Fault::UnknownLost,
        4 => Fault::Unavailable,
        _ => Fault::None,
    });
    seeded.store.script(Call::Commit, script);
    seeded.store.script(
        Call::Snapshot,
        (0..20).map(|n| match n % 3 {
            0 => Fault::Unavailable,
            _ => Fault::None,
        }),
    );
    let workflows = Arc::clone(&world);
    let plato = tokio::spawn(async move {
        let mut started: HashMap<String, usize> = HashMap::new();
        while started.len() < REQUESTS {
            let asked = workflows.plato.next().await;
            *started.entry(asked.workflow().to_owned()).or_default() += 1;
            if let Asked::Start(start) = asked {
                let output = String::from_utf8(start.input.as_option().unwrap().inline.clone());
                workflows.plato.running(&start.workflow_id, 1, 1).await;
                workflows
                    .plato
                    .succeeded(&start.workflow_id, 2, &output.unwrap())
                    .await;
            }
        }
        started
    });
    let ids = within(join_all((0..REQUESTS).map(|n| insist(&world, n)))).await;
    let ends = within(join_all(ids.iter().map(|id| insist_on_the_end(&world, id)))).await;
    assert!(ends.iter().all(|end| *end == State::Succeeded), "{ends:?}");
    let started = within(plato).await.unwrap();
    assert!(started.values().all(|times| *times == 1), "{started:?}");
    assert!(world.plato.is_idle().await);
    let listing = world.requests.list(&Default::default()).await.unwrap();
    assert_eq!(listing.views.len(), REQUESTS);
    for view in listing.views {
        assert_eq!(view.response.unwrap().inline, view.request.body);
    }
}

#[tokio::test]
async fn what_was_told_is_heard_again_when_it_could_not_be_kept() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    within(world.plato.next()).await;
    within(async {
        // The request, and that its start was sent.
        while world.store.calls(Call::Commit) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.store.script(Call::Commit, [Fault::UnknownLost]);
    world.plato.succeeded(&id, 1, "olleh").await;
    assert_eq!(
        within(insist_on_the_end(&world, &id)).await,
        State::Succeeded
    );
}
