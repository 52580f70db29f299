//! Each layer alone at a time, everything killed in between: what one left must be enough
//! for the next.

use optimus::State;
use plato::Phase;
use timestone_client::names;

use crate::asker::ASK;
use crate::site::{Site, requests};

/// Where the messages of workflow "w" go, and those of the called service's workflows.
fn inboxes(service: &str) -> [String; 2] {
    [0, 1].map(|group| names::workflow_inbox(service, group))
}

async fn until_one_waits(site: &Site, queues: &[String]) {
    crate::site::until(|| async {
        let counts = site.client.count(queues).await.unwrap();
        (counts.iter().any(|count| count.pending > 0)).then_some(())
    })
    .await;
}

/// Up to a called service that has taken the request in and knows nothing of a workflow.
async fn accepted() -> Site {
    let site = Site::new();
    site.start("w", ASK, "hello").await;
    let site = site.kill();
    let asker = site.asker().await;
    site.until_waiting("optimus/echo/calls", 1).await;
    let site = site.kill();
    drop(asker);
    let optimus = site.optimus();
    until_one_waits(&site, &inboxes("echo")).await;
    requests(&optimus, State::Accepted, 1).await;
    site.kill()
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_never_meet_bring_the_answer_home() {
    let site = accepted().await;
    let echo = site.terse_echo().await;
    site.until_waiting("optimus/echo/events", 1).await;
    let site = site.kill();
    drop(echo);
    let optimus = site.optimus();
    until_one_waits(&site, &inboxes("asker")).await;
    requests(&optimus, State::Succeeded, 1).await;
    let site = site.kill();
    drop(optimus);
    let _asker = site.asker().await;
    let end = site.end("w").await;
    assert_eq!(end.state.phase, Phase::Succeeded, "{:?}", end.state.error);
    assert_eq!(end.output.unwrap().inline, "HELLO");
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_never_meet_cancel_what_was_called() {
    let site = accepted().await;
    site.cancel("w").await;
    let asker = site.asker().await;
    site.until_waiting("optimus/echo/calls", 1).await;
    let site = site.kill();
    drop(asker);
    let optimus = site.optimus();
    requests(&optimus, State::Canceled, 1).await;
    let site = site.kill();
    drop(optimus);
    let _layers = site.layers().await;
    assert_eq!(site.end("w").await.state.phase, Phase::Canceled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_and_its_cancellation_that_wait_together_start_nothing_for_long() {
    let site = Site::new();
    let asker = site.asker().await;
    site.start("w", ASK, "slow").await;
    site.until_waiting("optimus/echo/calls", 1).await;
    site.cancel("w").await;
    site.until_waiting("optimus/echo/calls", 2).await;
    assert_eq!(site.end("w").await.state.phase, Phase::Canceled);
    drop(asker);
    let optimus = site.optimus();
    crate::site::until(|| async {
        let calls = ["optimus/echo/calls".to_owned()];
        let counts = site.client.count(&calls).await.unwrap();
        (counts[0].completed == 2).then_some(())
    })
    .await;
    let views = optimus
        .requests()
        .list(&Default::default())
        .await
        .unwrap()
        .views;
    assert!(
        views.iter().all(|view| view.state == State::Canceled),
        "{views:?}"
    );
}
