//! Maps that lose elements or run some twice, and nodes that are passed over.

use std::sync::Arc;

use clock::SystemClock;
use errors::Error;
use plato::{
    Allowed, Definition, NodeCode, NodeDef, NodePhase, Prepare, Registry, Retry, Speculate,
    TaskContext, Value,
};
use proto::plato::v1::WorkflowState;
use proto::stratum::v1::Invocation;
use serde_json::json;
use store::MemoryStore;
use timestone::{MessageKey, MessageState};

use crate::site::{Site, WORK, definition, registry};
use crate::worker::{Answer, Worker};

fn site(registry: Registry) -> Site {
    Site::over(Arc::new(MemoryStore::new(Arc::new(SystemClock))), registry)
}

/// The usual one, as version 2, with another map in its middle.
fn with_work(work: NodeDef) -> Registry {
    with_code(work, |task: &TaskContext| {
        Ok(Invocation {
            params_json: task.element()?.value.inline.to_vec(),
            ..Invocation::default()
        })
    })
}

fn with_code(work: NodeDef, code: impl Prepare) -> Registry {
    let mut registry = registry();
    let mut nodes = definition().nodes;
    nodes[WORK.index()] = work;
    let definition = Definition {
        version: 2,
        nodes,
        ..definition()
    };
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::function(code)),
        ("join", NodeCode::function(plain)),
        (
            "tell",
            NodeCode::inline(|task: &TaskContext| Ok(task.output("join")?.clone())),
        ),
    ];
    registry.register(definition, code).unwrap();
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_may_lose_elements_whose_errors_are_their_results() {
    let work = NodeDef::function("work", "t-work")
        .map_over("split")
        .allow_failed(Allowed::Count(1))
        .retry(Retry::NEVER);
    let site = site(with_work(work));
    let _worker = Worker::start_with(&site, 4, |invocation| {
        let error = Error::source("TRUNCATED", "only 3 frames decode");
        let fails = invocation.function == "t-work" && invocation.element == 2;
        fails.then_some(Answer::Failed(error))
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    assert_eq!((end.nodes[1].done, end.nodes[1].lost), (3, 1));
    let results = site.results("w").await;
    let codes: Vec<_> = results
        .iter()
        .map(|value| value.error.as_ref().map(|error| error.code.as_str()))
        .collect();
    assert_eq!(codes, [None, None, Some("TRUNCATED"), None]);
    assert_eq!(results[3].inline, Value::inline("6").inline);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_seen_in_order_while_the_map_goes_on() {
    let site = Site::new();
    let never = |invocation: &Invocation| {
        let hangs = invocation.function == "t-work" && invocation.element == 2;
        hangs.then_some(Answer::Never)
    };
    let _worker = Worker::start_with(&site, 4, never).await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    site.until_recorded("w", 3).await;
    let reader = site.reader();
    let seen = async |first, limit| {
        let results = reader.results("w", WORK, first, limit).await.unwrap();
        let inline = results.into_iter().map(|value| value.inline);
        inline.collect::<Vec<_>>()
    };
    assert_eq!(seen(0, 9).await, ["0", "2"]);
    assert_eq!(seen(0, 1).await, ["0"]);
    assert!(seen(2, 9).await.is_empty(), "the third is not there");
    assert_eq!(seen(3, 9).await, ["6"]);
    assert_eq!(reader.value("w", WORK).await.unwrap(), None);
    runtime.shutdown().await;
}

/// Those of the task that an invocation is for.
fn numbers(invocation: &Invocation) -> Vec<u64> {
    serde_json::from_slice(&invocation.params_json).unwrap()
}

fn doubled(numbers: &[u64]) -> Answer {
    let doubled: Vec<u64> = numbers.iter().map(|number| number * 2).collect();
    Answer::Done(plato::json::value(&doubled).unwrap())
}

/// A map by fours, whose tasks are asked to double their numbers.
fn by_fours() -> Registry {
    let work = NodeDef::function("work", "t-work")
        .map_over("split")
        .allow_failed(Allowed::Count(4))
        .batch(4)
        .retry(Retry {
            function: 2,
            backoff_ms: 1,
            ..Retry::default()
        });
    with_code(work, |task: &TaskContext| {
        let elements = task.elements().iter();
        let numbers: Result<Vec<u64>, _> = elements
            .map(|element| plato::json::parse(&element.value))
            .collect();
        plato::invoke::with_params(&numbers?)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn several_elements_travel_as_one_task() {
    let site = site(by_fours());
    let last = ["16", "18"].map(Value::inline);
    let list = blob::list::write(site.blobs.home(), &last).await;
    let list = Value {
        list: Some(list.unwrap()),
        ..Value::default()
    };
    let _worker = Worker::start_with(&site, 10, move |invocation| {
        if invocation.function != "t-work" {
            return None;
        }
        let numbers = numbers(invocation);
        Some(match (invocation.element, invocation.generation) {
            // It is tried again with all that it was given.
            (0, 0) => Answer::Failed(Error::function("EXIT_1", "not yet")),
            (0, 1) => doubled(&numbers[1..]),
            (2, _) => Answer::Done(list.clone()),
            _ => doubled(&numbers),
        })
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    assert_eq!((end.nodes[1].done, end.nodes[1].total), (10, 10));
    assert_eq!(end.nodes[1].retries, 2);
    let results = site.results("w").await;
    let results: Vec<u64> = results
        .iter()
        .map(|value| plato::json::parse(value).unwrap())
        .collect();
    assert_eq!(
        results,
        (0..10).map(|number| number * 2).collect::<Vec<_>>()
    );
    let faults: Vec<String> = site.faults("w").await;
    assert_eq!(faults, ["EXIT_1", "WRONG_COUNT"]);
    // Of each task, by its number.
    let recorded = site.recorded("w").await;
    assert_eq!(recorded, (0..3).map(|task| (task, 1)).collect());
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_with_its_task_has_its_error_for_a_result() {
    let site = site(by_fours());
    let _worker = Worker::start_with(&site, 6, |invocation| {
        let fails = invocation.element == 0;
        (invocation.function == "t-work").then(|| match fails {
            true => Answer::Failed(Error::source("TRUNCATED", "only 3 frames decode")),
            false => doubled(&numbers(invocation)),
        })
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    assert_eq!((end.nodes[1].done, end.nodes[1].lost), (2, 4));
    let results = site.results("w").await;
    let codes: Vec<_> = results
        .iter()
        .map(|value| value.error.as_ref().map(|error| error.code.as_str()))
        .collect();
    let lost = Some("TRUNCATED");
    assert_eq!(codes, [lost, lost, lost, lost, None, None]);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_task_is_run_twice_and_the_loser_is_told_to_stop() {
    let work = NodeDef::function("work", "t-work")
        .map_over("split")
        .speculate(Speculate {
            min_ms: 50,
            ..Speculate::default()
        });
    let site = site(with_work(work));
    let _worker = Worker::start_with(&site, 8, |invocation| {
        let hangs = invocation.function == "t-work"
            && invocation.element == 5
            && invocation.generation == 0;
        hangs.then_some(Answer::Never)
    })
    .await;
    let runtime = site.runtime("a").await;
    site.start("w").await;
    let end = site.end("w").await;
    assert_eq!(end.state.as_known(), Some(WorkflowState::Succeeded));
    assert!(end.nodes[1].speculated > 0);
    let recorded = site.recorded("w").await;
    assert_eq!(recorded, (0..8).map(|element| (element, 1)).collect());
    let loser = MessageKey {
        queue: "stratum/t-work".into(),
        id: ids::invocation("w", "work", 5, 0),
    };
    site.until(|| async {
        let view = site.client.get(&loser).await.unwrap().unwrap();
        view.state == MessageState::Canceled
    })
    .await;
    runtime.shutdown().await;
}

/// look → repair, passed over if all is well → tell, what repair put out.
fn looking() -> Registry {
    let definition = Definition {
        name: "t.demo".into(),
        version: 1,
        nodes: vec![
            NodeDef::inline("look"),
            NodeDef::inline("repair")
                .after(["look"])
                .skip_if("outputs.look.broken == 0 && !(\"x\" in input)")
                .or_default(json!("as it was")),
            NodeDef::inline("tell").after(["repair"]),
        ],
        output: "tell".into(),
    };
    let say = |text: &'static str| NodeCode::inline(move |_: &TaskContext| Ok(Value::inline(text)));
    let code = [
        ("look", say(r#"{"broken": 0}"#)),
        ("repair", say("\"repaired\"")),
        (
            "tell",
            NodeCode::inline(|task: &TaskContext| Ok(task.output("repair")?.clone())),
        ),
    ];
    let mut registry = Registry::new();
    registry.register(definition, code).unwrap();
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_passed_over_puts_out_its_default() {
    let site = site(looking());
    let runtime = site.runtime("a").await;
    let input = |json: &str| proto::base::v1::Value {
        inline: json.as_bytes().to_vec(),
        ..Default::default()
    };
    site.start_with("skipped", input("{}")).await;
    site.start_with("run", input(r#"{"x": 1}"#)).await;
    site.start_with("undecided", input("3")).await;
    let [skipped, run, undecided] = site.ends(["skipped", "run", "undecided"]).await;
    let output = |end: &proto::plato::v1::WorkflowEvent| {
        let value = end.output.as_option().cloned().unwrap_or_default();
        String::from_utf8(value.inline).unwrap()
    };
    assert_eq!(output(&skipped), "\"as it was\"");
    assert_eq!(output(&run), "\"repaired\"");
    let why = &skipped.nodes[1].skipped;
    assert!(why.starts_with("outputs.look.broken == 0"), "{why}");
    let phases = site.view("skipped").await.state.nodes;
    assert_eq!(phases[1].phase(), NodePhase::Skipped);
    let error = undecided.error.as_option().unwrap();
    assert_eq!(error.code, "CONDITION_UNDECIDED", "{}", error.message);
    runtime.shutdown().await;
}
