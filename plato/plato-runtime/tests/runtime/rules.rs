//! Rules at work in the runtime: facts by messages, firings exactly once, whatever crashes.

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use errors::Error;
use plato::{Definition, NodeCode, NodeDef, Registry, Retry, TaskContext, Value};
use plato_rules::{
    Event, Fired, NewFact, Phase, RuleBase, RuleRegistry, Rules, State, Value as FactValue,
};
use plato_runtime::{
    Definitions, PlatoRuntime, RuntimeConfig, WorkflowReader, assert_facts, retract_facts,
};
use proto::stratum::v1::Invocation;
use store::MemoryStore;
use store_fjall::FjallStore;
use timestone::{MessageKey, NewMessage};
use timestone_client::names;

use crate::site::{GROUPS, SERVICE, Site, registry};
use crate::worker::{Answer, Worker};

/// The example that the page for authors explains.
const FRESHNESS: &str = include_str!("../../../plato-rules/examples/freshness.yaml");
const LIBRARY: &str = "library";

/// The workflow that the rules start: it splits, encodes in parallel, assembles, and
/// tells how long it took.
fn encode() -> Registry {
    let retry = Retry {
        backoff_ms: 5,
        ..Retry::default()
    };
    let definition = Definition {
        name: "example.encode".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "t-split").retry(retry),
            NodeDef::function("encode", "t-work")
                .map_over("split")
                .retry(retry),
            NodeDef::function("assemble", "t-join")
                .reduce_of("encode")
                .retry(retry),
            NodeDef::inline("notify").after(["assemble"]),
        ],
        output: "notify".into(),
    };
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let element = |task: &TaskContext| {
        let params_json = task.element()?.value.inline.to_vec();
        Ok(Invocation {
            params_json,
            ..Invocation::default()
        })
    };
    let notify = |task: &TaskContext| {
        let asked: serde_json::Value = serde_json::from_slice(&task.input().inline).unwrap();
        assert_eq!(asked["passes"], 2);
        Ok(Value::inline(r#"{"seconds": 7}"#))
    };
    let mut registry = Registry::new();
    let code = [
        ("split", NodeCode::function(plain)),
        ("encode", NodeCode::function(element)),
        ("assemble", NodeCode::function(plain)),
        ("notify", NodeCode::inline(notify)),
    ];
    registry.register(definition, code).unwrap();
    registry
}

fn definitions<const N: usize>(bases: [&str; N]) -> Definitions {
    let mut rules = RuleRegistry::default();
    for text in bases {
        rules
            .register(
                RuleBase::of_yaml(text).unwrap(),
                Vec::<(String, NodeCode)>::new(),
            )
            .unwrap();
    }
    Definitions {
        graphs: Arc::new(encode()),
        rules: Arc::new(rules),
    }
}

async fn runtime(site: &Site, definitions: Definitions) -> PlatoRuntime {
    let (store, client, blobs) = (
        Arc::clone(&site.store),
        site.client.clone(),
        site.blobs.clone(),
    );
    let config = RuntimeConfig {
        snapshot_every: 8,
        ..Site::config("a")
    };
    PlatoRuntime::start(
        config,
        store,
        client,
        blobs,
        definitions,
        Arc::new(SystemClock),
    )
    .await
    .unwrap()
}

fn text(text: &str) -> FactValue {
    FactValue::String(text.into())
}

fn fact<const N: usize>(kind: &str, fields: [(&str, FactValue); N]) -> NewFact {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    NewFact {
        kind: kind.into(),
        fields: fields.collect(),
    }
}

fn title(id: &str) -> NewFact {
    fact("Title", [("id", text(id)), ("source", text("a.mov"))])
}

fn encoder(release: u64) -> NewFact {
    fact(
        "Encoder",
        [
            ("codec", text("av1")),
            ("release", FactValue::Uint(release)),
        ],
    )
}

async fn send(site: &Site, id: &str, payload: bytes::Bytes) {
    let queue = names::inbox_of_workflow(SERVICE, LIBRARY, GROUPS);
    let message = NewMessage {
        queue,
        id: id.into(),
        payload,
        ..NewMessage::default()
    };
    let outcomes = site.client.enqueue(vec![message]).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

/// Facts, each time in a message of its own.
async fn tell(site: &Site, id: &str, facts: &[NewFact]) {
    send(site, id, assert_facts(LIBRARY, "example.freshness", facts)).await;
}

fn reader(site: &Site) -> WorkflowReader {
    WorkflowReader::new(Arc::clone(&site.store), SERVICE, GROUPS)
}

async fn state(site: &Site) -> Option<State> {
    reader(site).rules(LIBRARY).await.unwrap()
}

async fn is_canceled(site: &Site) -> bool {
    let state = state(site).await;
    state.is_some_and(|state| state.phase == Phase::Canceled)
}

/// The states of all encodes of this release.
async fn encodes(site: &Site, release: u64) -> Vec<String> {
    let Some(state) = state(site).await else {
        return Vec::new();
    };
    let encodes = state.list().filter(|(_, kind, _)| *kind == "Encode");
    // codec, release, state, title
    let encodes = encodes.filter(|(_, _, fields)| fields[1] == &FactValue::Uint(release));
    encodes
        .map(|(_, _, fields)| fields[2].to_string())
        .collect()
}

async fn until_done(site: &Site, release: u64, count: usize) {
    site.until(|| async {
        let encodes = encodes(site, release).await;
        encodes
            .iter()
            .filter(|state| *state == "\"done in 7 s\"")
            .count()
            == count
    })
    .await;
}

async fn fired(site: &Site) -> Vec<Fired> {
    let history = reader(site).rules_history(LIBRARY).await.unwrap();
    let events = history.into_iter().flat_map(|entry| entry.events);
    let fired = events.filter_map(|event| match event {
        Event::Fired(fired) => Some(*fired),
        _ => None,
    });
    fired.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_encoder_has_what_is_stale_encoded_again() {
    let site = Site::new();
    let worker = Worker::start(&site, 5).await;
    let runtime = runtime(&site, definitions([FRESHNESS])).await;
    tell(&site, "1", &[encoder(1), title("t1"), title("t2")]).await;
    until_done(&site, 1, 2).await;
    // The same again, by a message that was sent twice, and by one that says it anew.
    tell(&site, "1", &[encoder(1), title("t1")]).await;
    tell(&site, "2", &[encoder(1), title("t1")]).await;
    tell(&site, "3", &[encoder(2)]).await;
    until_done(&site, 2, 2).await;
    send(&site, "4", retract_facts(LIBRARY, &[title("t2")])).await;
    tell(&site, "5", &[encoder(3)]).await;
    until_done(&site, 3, 1).await;
    assert_eq!(worker.calls("t-split"), 5);
    let fired = fired(&site).await;
    assert_eq!(fired.len(), 5);
    let rules = Rules::new(RuleBase::of_yaml(FRESHNESS).unwrap()).unwrap();
    let explained = rules.explain(&fired[2]);
    assert!(
        explained.contains("why now: encoder f1 was updated"),
        "{explained}"
    );
    assert!(
        explained.contains("runs workflow example.encode"),
        "{explained}"
    );
    assert!(state(&site).await.unwrap().is_quiet());
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_lose_nothing_and_fire_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(folder.path(), Arc::new(SystemClock)).unwrap();
    let site = Arc::new(Site::over(Arc::new(store), registry()));
    let worker = Worker::start(&site, 3).await;
    let count = 30;
    tell(&site, "0", &[encoder(1)]).await;
    for number in 0..count {
        let id = format!("t{number}");
        tell(&site, &id, &[title(&id)]).await;
    }
    for done in [1, 10, 20] {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let process = Arc::clone(&site);
        let runtime =
            threads.spawn(async move { runtime(&process, definitions([FRESHNESS])).await });
        let _runtime = runtime.await.unwrap();
        site.until(|| async {
            encodes(&site, 1)
                .await
                .iter()
                .filter(|state| state.contains("done"))
                .count()
                >= done
        })
        .await;
        threads.shutdown_background();
    }
    let runtime = runtime(&site, definitions([FRESHNESS])).await;
    until_done(&site, 1, count).await;
    assert_eq!(fired(&site).await.len(), count);
    assert_eq!(worker.calls("t-split"), u32::try_from(count).unwrap());
    runtime.shutdown().await;
}

/// As the example, with functions in place of workflows.
fn by_function(version: u32, more: &str) -> String {
    let text = FRESHNESS.replace("version: 1", &format!("version: {version}"));
    text.replace(
        "workflow: {definition: example.encode}",
        "function: t-encode",
    )
    .replace("backoff_ms: 100", "backoff_ms: 5")
        + more
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_tried_again_and_then_the_rule_hears_of_it() {
    let site = Site::new();
    let worker = Worker::start_with(&site, 0, |invocation| {
        let params: serde_json::Value = serde_json::from_slice(&invocation.params_json).ok()?;
        assert_eq!(params["source"], "a.mov");
        Some(Answer::Failed(Error::function("CRASHED", "it crashed")))
    });
    let worker = worker.await;
    let runtime = runtime(&site, definitions([by_function(1, "").as_str()])).await;
    tell(&site, "1", &[encoder(1), title("t1")]).await;
    site.until(|| async { encodes(&site, 1).await == ["\"failed: CRASHED\""] })
        .await;
    assert_eq!(worker.calls("t-encode"), 2);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_subject_goes_on_by_newer_rules() {
    let site = Site::new();
    let worker = Worker::start_with(&site, 0, |_| {
        Some(Answer::Done(Value::inline(r#"{"seconds": 7}"#)))
    })
    .await;
    let first = runtime(&site, definitions([by_function(1, "").as_str()])).await;
    tell(&site, "1", &[encoder(1), title("t1")]).await;
    until_done(&site, 1, 1).await;
    first.shutdown().await;
    let announce = r#"
  - name: announce
    match: [{fact: Encode, as: encode, where: {title: $id}, when: 'encode.state.startsWith("done")'}]
    action: {run: {function: t-announce, params: {title: id}}}
"#;
    let (old, new) = (by_function(1, ""), by_function(2, announce));
    let second = runtime(&site, definitions([old.as_str(), new.as_str()])).await;
    site.until(|| async { worker.calls("t-announce") == 1 })
        .await;
    site.until(|| async { state(&site).await.is_some_and(|state| state.is_quiet()) })
        .await;
    assert_eq!(state(&site).await.unwrap().header.version, 2);
    assert_eq!(
        worker.calls("t-encode"),
        1,
        "what has fired does not fire again"
    );
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_do_not_fit_are_refused_and_none_of_them_is_taken() {
    let site = Site::over(
        Arc::new(MemoryStore::new(Arc::new(SystemClock))),
        registry(),
    );
    let runtime = runtime(&site, definitions([FRESHNESS])).await;
    let wrong = fact("Title", [("id", FactValue::Int(1))]);
    tell(&site, "wrong", &[encoder(1), wrong]).await;
    send(
        &site,
        "lost",
        assert_facts("elsewhere", "example.unknown", &[encoder(1)]),
    )
    .await;
    for id in ["wrong", "lost"] {
        let queue = names::inbox_of_workflow(SERVICE, LIBRARY, GROUPS);
        let key = MessageKey {
            queue,
            id: id.into(),
        };
        site.until(|| async {
            let message = site.client.get(&key).await.unwrap();
            message.is_some_and(|message| message.error.is_some())
        })
        .await;
    }
    assert_eq!(state(&site).await.map(|state| state.facts()), Some(0));
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn canceled_rules_stop_what_runs_and_take_nothing_more() {
    let site = Site::new();
    let worker = Worker::start_with(&site, 0, |_| Some(Answer::Never)).await;
    let runtime = runtime(&site, definitions([by_function(1, "").as_str()])).await;
    tell(&site, "1", &[encoder(1), title("t1")]).await;
    site.until(|| async { worker.calls("t-encode") == 1 }).await;
    site.cancel(LIBRARY).await;
    site.until(|| async { is_canceled(&site).await }).await;
    let key = MessageKey {
        queue: names::function("t-encode"),
        id: ids::invocation(LIBRARY, "encode", 1, 0),
    };
    site.until(|| async {
        let message = site.client.get(&key).await.unwrap();
        message.is_none_or(|message| message.state == timestone::MessageState::Canceled)
    })
    .await;
    tell(&site, "2", &[title("t2")]).await;
    tokio::time::timeout(Duration::from_secs(60), site.until_empty(LIBRARY))
        .await
        .unwrap();
    assert!(is_canceled(&site).await);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_were_canceled_long_ago_leave_nothing() {
    let site = Site::new();
    let runtime = runtime(&site, definitions([LOOP])).await;
    send(&site, "1", assert_facts(LIBRARY, "example.loop", &[])).await;
    site.until(|| async { state(&site).await.is_some() }).await;
    site.cancel(LIBRARY).await;
    site.until(|| async { is_canceled(&site).await }).await;
    runtime.shutdown().await;

    let soon = RuntimeConfig {
        keep_ended: Some(Duration::ZERO),
        ..Site::config("b")
    };
    let runtime = site.runtime_with(soon, Arc::new(SystemClock)).await;
    site.until(|| async { site.keys_of(LIBRARY).await.is_empty() })
        .await;
    assert_eq!(state(&site).await, None);
    runtime.shutdown().await;
}

const LOOP: &str = r#"
name: example.loop
version: 1
facts:
  Count: {key: [id], fields: {id: string, n: int}}
rules:
  - name: up
    match: [{fact: Count, as: count, when: count.n >= 0}]
    action: {record: [{update: {fact: count, fields: {n: count.n + 1}}}]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_never_end_are_halted_until_other_facts_come() {
    let site = Site::new();
    let runtime = runtime(&site, definitions([LOOP])).await;
    let count = |n| fact("Count", [("id", text("a")), ("n", FactValue::Int(n))]);
    let tell = |id: &'static str, n| {
        let payload = assert_facts(LIBRARY, "example.loop", &[count(n)]);
        send(&site, id, payload)
    };
    let is_halted = async |halted: bool| {
        site.until(|| async {
            let phase = state(&site).await.map(|state| state.phase);
            phase.is_some_and(|phase| (phase == Phase::Halted) == halted)
        })
        .await;
    };
    tell("1", 0).await;
    is_halted(true).await;
    let error = state(&site).await.unwrap().error.unwrap();
    assert!(error.message.contains("rule up"), "{error}");
    tell("2", -1).await;
    is_halted(false).await;
    assert!(state(&site).await.unwrap().is_quiet());
    runtime.shutdown().await;
}
