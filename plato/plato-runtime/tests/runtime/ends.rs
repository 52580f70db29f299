//! Workflows that end otherwise.

use errors::Error;
use proto::base::v1::{Envelope, ErrorClass};
use proto::plato::v1::{NodeState, WorkflowState};
use timestone::{MessageKey, MessageState};

use crate::site::{Site, WORK};
use crate::worker::{Answer, Worker};

fn invocation(workflow: &str, node: &str, element: u64) -> MessageKey {
    MessageKey {
        queue: format!("stratum/t-{node}"),
        id: ids::invocation(workflow, node, element, 0),
    }
}

async fn state(site: &Site, key: &MessageKey) -> MessageState {
    site.client.get(key).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_for_good_stops_the_others() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 3, |invocation| match invocation.element {
        1 => Some(Answer::Failed(
            Error::source("TRUNCATED", "only 3 frames decode").at("uri"),
        )),
        _ if invocation.function == "t-work" => Some(Answer::Never),
        _ => None,
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    let error = end.error.as_option().unwrap();
    assert_eq!(
        (error.class.as_known(), error.code.as_str()),
        (Some(ErrorClass::Source), "TRUNCATED")
    );
    assert_eq!(
        error.message,
        "only 3 frames decode (node work, element 1, try 1)"
    );
    assert_eq!(
        end.nodes[WORK.index()].state.as_known(),
        Some(NodeState::Failed)
    );
    for element in [0, 2] {
        assert_eq!(
            state(&site, &invocation("w", "work", element)).await,
            MessageState::Canceled
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_reaches_every_invocation() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 10, |invocation| {
        (invocation.function == "t-work").then_some(Answer::Never)
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    site.until_dispatched("w", "work").await;
    site.cancel("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Canceled));
    for element in 0..10 {
        assert_eq!(
            state(&site, &invocation("w", "work", element)).await,
            MessageState::Canceled
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_first_is_remembered() {
    let site = Site::new();
    let worker = Worker::start(&site, 1).await;
    let runtime = site.runtime("a").await;
    site.cancel("w").await;
    site.until_empty("w").await;
    runtime.shutdown().await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Canceled)
    );
    assert_eq!(worker.calls("t-split"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_ends_what_takes_too_long() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 1, |_| Some(Answer::Never)).await;
    let _runtime = site.runtime("a").await;
    let soon = clock::Clock::now(&clock::SystemClock).unix_ms() + 300;
    let envelope = Envelope {
        deadline_unix_ms: soon,
        ..Default::default()
    };
    site.start_of("w", "t.demo", envelope).await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    assert_eq!(
        end.error.as_option().unwrap().class.as_known(),
        Some(ErrorClass::Deadline)
    );
    assert_eq!(
        state(&site, &invocation("w", "split", 0)).await,
        MessageState::Canceled
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_definition_is_told_at_once() {
    let site = Site::new();
    let _runtime = site.runtime("a").await;
    site.start_of("w", "t.other", Envelope::default()).await;
    let end = site.end("w").await;
    let error = end.error.as_option().unwrap();
    assert_eq!(error.code, "UNKNOWN_DEFINITION");
    assert_eq!(error.hint, "this process knows t.demo v1");
    assert_eq!(site.view("w").await.state.phase, plato::Phase::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_that_somebody_cancels_ends_its_workflow() {
    let site = Site::new();
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    site.until_dispatched("w", "split").await;
    let outcomes = site
        .client
        .cancel(vec![invocation("w", "split", 0)], "by hand")
        .await
        .unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Failed));
    assert_eq!(
        end.error.as_option().unwrap().class.as_known(),
        Some(ErrorClass::Canceled)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_workflow_understands_does_no_harm() {
    let site = Site::new();
    let _worker = Worker::start(&site, 3).await;
    let _runtime = site.runtime("a").await;
    let nonsense = Envelope {
        r#type: "other.v1.Thing".into(),
        ..Default::default()
    };
    site.send("w", "nonsense", nonsense).await;
    let torn = Envelope {
        r#type: "plato.v1.StartWorkflow".into(),
        body: vec![0xff; 9],
        ..Default::default()
    };
    site.send("w", "torn", torn).await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Succeeded)
    );
    let queue = timestone_client::names::inbox_of_workflow("t", "w", 2);
    for id in ["nonsense", "torn"] {
        let key = MessageKey {
            queue: queue.clone(),
            id: id.into(),
        };
        assert_eq!(state(&site, &key).await, MessageState::Errored);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_is_the_functions_fault() {
    let site = Site::new();
    let _worker = Worker::start_with(&site, 1, |invocation| {
        let large = plato::Value::inline(vec![b'1'; 1_025]);
        (invocation.function == "t-work").then_some(Answer::Done(large))
    })
    .await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.error.as_option().unwrap().code, "RESULT_TOO_LARGE");
    assert_eq!(end.nodes[WORK.index()].retries, 2);
}
