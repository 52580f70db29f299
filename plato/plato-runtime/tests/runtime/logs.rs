//! What functions said is kept beside how their tries ended.

use std::sync::Arc;
use std::time::Duration;

use blob::BlobRef;
use clock::SystemClock;
use errors::Error;
use plato_runtime::{FunctionLog, LogSearch, RuntimeConfig};
use proto::plato::v1::{RetryWorkflow, WorkflowState};
use timestone_client::envelope;

use crate::site::Site;
use crate::worker::{Answer, Worker};

async fn said(site: &Site, text: &str) -> BlobRef {
    let text = text.to_owned();
    site.blobs
        .home()
        .put(text.into(), "text/plain")
        .await
        .unwrap()
}

async fn logs(site: &Site, search: LogSearch<'_>, limit: usize) -> Vec<FunctionLog> {
    let found = site.reader().logs("w", search, limit).await;
    found.unwrap().unwrap().0
}

/// (node, element, generation, code) of each.
fn told(logs: &[FunctionLog]) -> Vec<(&str, u64, u32, &str)> {
    let told = logs.iter().map(|log| {
        let code = log.error.as_ref().map_or("", |error| &error.code);
        (&*log.node, log.element, log.generation, code)
    });
    told.collect()
}

/// Element 1 of three fails as often as it is tried, until it is told not to; each try of it
/// says so, and so does the split.
async fn site_with_logs() -> (Site, Worker, Arc<std::sync::atomic::AtomicBool>) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let site = Site::new();
    let (split, work) = (said(&site, "split").await, said(&site, "no memory").await);
    let numbers = ["0", "1", "2"].map(blob::Value::inline);
    let list = blob::list::write(site.blobs.home(), &numbers)
        .await
        .unwrap();
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let worker = Worker::start_with(&site, 3, move |invocation| {
        match (invocation.function.as_str(), invocation.element) {
            ("t-split", _) => {
                let list = blob::Value {
                    list: Some(list.clone()),
                    ..blob::Value::default()
                };
                Some(Answer::Said(Ok(list), split.clone()))
            }
            ("t-work", 1) if !is_mended.load(Ordering::SeqCst) => {
                let error = Error::function("EXIT_3", "it ended with 3");
                Some(Answer::Said(Err(error), work.clone()))
            }
            _ => None,
        }
    })
    .await;
    (site, worker, mended)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_try_said_is_found_by_its_place_and_by_its_invocation() {
    let (site, _worker, mended) = site_with_logs().await;
    let _runtime = site.runtime("a").await;
    site.start("w").await;
    assert_eq!(
        site.end("w").await.state.as_known(),
        Some(WorkflowState::Failed)
    );
    let all = logs(&site, LogSearch::default(), 10).await;
    let tries = [0, 1, 2].map(|generation| ("work", 1, generation, "EXIT_3"));
    assert_eq!(
        told(&all),
        [&[("split", 0, 0, "")][..], &tries].concat(),
        "{all:?}"
    );
    let of_work = LogSearch {
        node: "work",
        element: Some(1),
        ..LogSearch::default()
    };
    assert_eq!(told(&logs(&site, of_work, 10).await), tries);
    let none = LogSearch {
        element: Some(0),
        ..of_work
    };
    assert!(logs(&site, none, 10).await.is_empty());

    // Page by page.
    let page = site.reader().logs("w", LogSearch::default(), 3).await;
    let (first, cursor) = page.unwrap().unwrap();
    let rest = LogSearch {
        cursor: &cursor,
        ..LogSearch::default()
    };
    let rest = logs(&site, rest, 3).await;
    assert_eq!([first, rest].concat(), all);
    let foreign = LogSearch {
        cursor: b"s",
        ..LogSearch::default()
    };
    assert!(site.reader().logs("w", foreign, 3).await.unwrap().is_none());

    let last = all.last().unwrap();
    let reader = site.reader();
    let found = reader.log(&last.invocation()).await.unwrap();
    assert_eq!(found.as_ref(), Some(last));
    assert_eq!(reader.failed_log("w").await.unwrap().as_ref(), Some(last));
    assert_eq!(reader.log("other").await.unwrap(), None);

    // What failed it is forgotten when it goes on; what was said is not.
    mended.store(true, std::sync::atomic::Ordering::SeqCst);
    let retry = RetryWorkflow {
        workflow_id: "w".into(),
        ..Default::default()
    };
    site.send("w", "w/retry", envelope::seal(&retry)).await;
    site.until(|| async { site.view("w").await.state.phase == plato::Phase::Succeeded })
        .await;
    assert_eq!(reader.failed_log("w").await.unwrap(), None);
    assert_eq!(logs(&site, LogSearch::default(), 10).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_forgotten_with_their_workflow() {
    let (site, _worker, _) = site_with_logs().await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.end("w").await;
    let all = logs(&site, LogSearch::default(), 10).await;
    assert_eq!(all.len(), 4);
    runtime.shutdown().await;

    let soon = RuntimeConfig {
        keep_ended: Some(Duration::ZERO),
        ..Site::config("b")
    };
    let runtime = site.runtime_with(soon, Arc::new(SystemClock)).await;
    site.until(|| async { site.keys_of("w").await.is_empty() })
        .await;
    for log in &all {
        let found = site.reader().log(&log.invocation()).await;
        assert_eq!(found.unwrap(), None, "{log:?}");
    }
    runtime.shutdown().await;
}
