use std::sync::atomic::Ordering;

use errors::Class;
use optimus::State;
use plato::Phase;
use plato_runtime::WorkflowView;

use crate::asker::{ASK, EACH, HURRY};
use crate::site::Site;

fn output(view: &WorkflowView) -> &[u8] {
    assert_eq!(view.state.phase, Phase::Succeeded, "{:?}", view.state.error);
    &view.output.as_ref().unwrap().inline
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reads_what_another_service_answered() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", ASK, "hello").await;
    assert_eq!(output(&site.end("w").await), b"HELLO");
    let views = layers.requests(State::Succeeded, 1).await;
    assert_eq!(views[0].request.body, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_calls_for_each_of_its_elements() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", EACH, "").await;
    assert_eq!(output(&site.end("w").await), b"20");
    layers.requests(State::Succeeded, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_ends_the_workflow_with_all_that_is_wrong() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", ASK, "bad").await;
    let end = site.end("w").await;
    assert_eq!(end.state.phase, Phase::Failed);
    let error = end.state.error.unwrap();
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
    assert!(layers.requests(State::Failed, 0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_ends_the_workflow_and_is_named() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", ASK, "broken").await;
    let end = site.end("w").await;
    let views = layers.requests(State::Failed, 1).await;
    let error = end.state.error.unwrap();
    assert_eq!(
        (error.class, error.code.as_str()),
        (Class::Source, "BROKEN")
    );
    assert!(error.message.contains(&views[0].id), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_now_and_then_is_asked_again_within_the_budget() {
    let site = Site::new();
    let layers = site.layers().await;
    site.failures.store(2, Ordering::SeqCst);
    site.start("w", ASK, "hello").await;
    assert_eq!(output(&site.end("w").await), b"HELLO");
    let views = layers.requests(State::Failed, 2).await;
    assert_eq!(views.len(), 3, "each try is a request of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_canceled_half_way_cancels_what_it_called() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", ASK, "slow").await;
    layers.requests(State::Running, 1).await;
    site.until_waiting("stratum/e-wait", 1).await;
    site.cancel("w").await;
    assert_eq!(site.end("w").await.state.phase, Phase::Canceled);
    let views = layers.requests(State::Canceled, 1).await;
    let reason = &views[0].error.as_ref().unwrap().message;
    assert_eq!(reason, "not wanted any more");
    // The whole way down: the function of the called service need not run either.
    let queues = ["stratum/e-wait".to_owned()];
    crate::site::until(|| async {
        let counts = site.client.count(&queues).await.unwrap();
        (counts[0].canceled == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_called_request_is_shows_in_the_workflow_that_called() {
    let site = Site::new();
    let _layers = site.layers().await;
    site.start("w", ASK, "slow").await;
    // One of its three nodes is done.
    site.hears(|event| event.nodes[0].in_flight == 1.0 / 3.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_given_up_at_both_ends() {
    let site = Site::new();
    let layers = site.layers().await;
    site.start("w", HURRY, "slow").await;
    let end = site.end("w").await;
    assert_eq!(end.state.error.unwrap().code, "TASK_TIMEOUT");
    layers.requests(State::Canceled, 1).await;
}
