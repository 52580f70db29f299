//! Histories that earlier versions recorded, played to the code of today.
//!
//! `COSMOS_RECORD_HISTORIES=1 cargo nextest run -p plato-testkit --run-ignored only` records
//! those that are missing. A file that is there is never written again: it stands for
//! workflows that run somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use errors::Error;
use plato::{
    Allowed, Definition, Event, NodeCode, NodeDef, Retry, ServiceCall, Speculate, TaskContext,
    Value,
};
use plato_testkit::{Act, Answer, Diverged, Kit, Ran, Recording, replay, replay_on};
use proto::stratum::v1::Invocation;
use serde_json::{Value as Json, json};

const SECOND: Duration = Duration::from_secs(1);

fn definition(name: &str, output: &str, nodes: Vec<NodeDef>) -> Definition {
    Definition {
        name: format!("t.{name}"),
        version: 1,
        nodes,
        output: output.into(),
    }
}

fn plain(_: &TaskContext) -> Result<Invocation, Error> {
    Ok(Invocation::default())
}

fn nothing(_: &TaskContext) -> Result<Value, Error> {
    Ok(Value::default())
}

/// split (a list) → work (map) → join (reduce), with `work` as it is given.
fn map(name: &str, work: NodeDef) -> Kit {
    let nodes = vec![
        NodeDef::function("split", "t-split"),
        work.map_over("split"),
        NodeDef::inline("join").reduce_of("work"),
    ];
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::function(plain)),
        ("join", NodeCode::inline(nothing)),
    ];
    let kit = Kit::new(definition(name, "join", nodes), code).unwrap();
    kit.answer("split", |_| Answer::list((0..3).map(|n| json!(n))))
        .answer("work", |call| Answer::json(json!(call.element)))
}

fn work() -> NodeDef {
    NodeDef::function("work", "t-work")
}

fn failing(class: fn(&'static str, &'static str) -> Error) -> Answer {
    Answer::Fail(class("BROKEN", "as the test wants it"))
}

fn waits(name: &str) -> Kit {
    let nodes = vec![
        NodeDef::signal("approve").deadline_ms(60_000),
        NodeDef::timer("embargo", 90 * 86_400_000).after(["approve"]),
        NodeDef::service("check", "vvs", "ValidateVideo").after(["embargo"]),
    ];
    let ask = |_: &TaskContext| {
        let request = proto::optimus::v1::CancelCall::default();
        Ok(ServiceCall::new("vvs", "ValidateVideo", &request))
    };
    let code = [("check", NodeCode::service(ask))];
    let kit = Kit::new(definition(name, "check", nodes), code).unwrap();
    kit.answer("check", |_| Answer::json(json!("ok")))
}

fn skipping(name: &str) -> Kit {
    let nodes = vec![
        NodeDef::inline("first"),
        NodeDef::function("extra", "t-extra").skip_when("/extra", json!(false)),
        NodeDef::inline("last").after(["first", "extra"]),
    ];
    let code = [
        ("first", NodeCode::inline(nothing)),
        ("extra", NodeCode::function(plain)),
        ("last", NodeCode::inline(nothing)),
    ];
    Kit::new(definition(name, "last", nodes), code).unwrap()
}

fn unpreparable(name: &str) -> Kit {
    let nodes = vec![NodeDef::function("only", "t-only")];
    let refuse = |_: &TaskContext| Err(Error::function("NO_SOURCE", "there is none"));
    let code = [("only", NodeCode::function(refuse))];
    Kit::new(definition(name, "only", nodes), code).unwrap()
}

fn undoing(name: &str) -> Kit {
    let nodes = vec![
        NodeDef::function("first", "t-first"),
        NodeDef::function("back", "t-back").undo_of("first"),
        NodeDef::function("last", "t-last").after(["first"]),
    ];
    let code = ["first", "back", "last"].map(|node| (node, NodeCode::function(plain)));
    let kit = Kit::new(definition(name, "last", nodes), code).unwrap();
    let nodes = ["first", "back", "last"].into_iter();
    nodes.fold(kit, |kit, node| kit.answer(node, |_| Answer::nothing()))
}

fn above(name: &str) -> Kit {
    let nodes = vec![NodeDef::workflow("below", "t.below")];
    let start = NodeCode::workflow(|_: &TaskContext| Ok(Value::inline("{}")));
    let kit = Kit::new(definition(name, "below", nodes), [("below", start)]).unwrap();
    let below = definition("below", "only", vec![NodeDef::inline("only")]);
    kit.also(below, [("only", NodeCode::inline(nothing))])
        .unwrap()
}

/// split (a list) → work (a map of batches) → join (reduce).
fn batched(name: &str) -> Kit {
    let numbers = |task: &TaskContext| {
        let elements = task.elements().iter();
        plato::json::value(&elements.map(|element| element.index).collect::<Vec<_>>())
    };
    let nodes = vec![
        NodeDef::function("split", "t-split"),
        NodeDef::inline("work").map_over("split").batch(2),
        NodeDef::inline("join").reduce_of("work"),
    ];
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::inline(numbers)),
        ("join", NodeCode::inline(nothing)),
    ];
    let kit = Kit::new(definition(name, "join", nodes), code).unwrap();
    kit.answer("split", |_| Answer::list((0..5).map(|n| json!(n))))
}

/// look → repair, passed over where all is well → tell, more urgent than the others.
fn decided(name: &str) -> Kit {
    let nodes = vec![
        NodeDef::inline("look"),
        NodeDef::function("repair", "t-repair")
            .after(["look"])
            .skip_if("outputs.look.broken == 0")
            .or_default(json!("as it was")),
        NodeDef::function("tell", "t-tell")
            .after(["repair"])
            .priority(-3),
    ];
    let look = |_: &TaskContext| Ok(Value::inline(r#"{"broken": 0}"#));
    let code = [
        ("look", NodeCode::inline(look)),
        ("repair", NodeCode::function(plain)),
        ("tell", NodeCode::function(plain)),
    ];
    let kit = Kit::new(definition(name, "tell", nodes), code).unwrap();
    kit.answer("tell", |_| Answer::nothing())
}

/// One history of each kind of ending, and of each feature.
fn scenarios() -> Vec<(&'static str, Kit, Json)> {
    let none = || json!({});
    let approve = || Act::Signal("approve".into(), Answer::json(json!("yes")));
    let lost = || failing(Error::platform);
    let truncated = || failing(Error::source);
    let slow = || work().timeout_ms(30_000);
    let twice = Retry {
        function: 1,
        ..Retry::default()
    };
    vec![
        ("succeeded", map("succeeded", work()), none()),
        (
            "empty-map",
            map("empty-map", work()).answer("split", |_| Answer::list([])),
            none(),
        ),
        (
            "no-list",
            map("no-list", work()).answer("split", |_| Answer::nothing()),
            none(),
        ),
        (
            "tried-again",
            map("tried-again", work()).inject("work", 1, 1, lost()),
            none(),
        ),
        (
            "budget-spent",
            map("budget-spent", work().retry(twice)).answer("work", |_| failing(Error::function)),
            none(),
        ),
        (
            "failed-for-good",
            map("failed-for-good", work()).inject("work", 2, 1, truncated()),
            none(),
        ),
        (
            "stops-what-runs",
            map("stops-what-runs", work())
                .inject("work", 0, 1, Answer::Never)
                .inject("work", 2, 1, truncated().after(SECOND)),
            none(),
        ),
        (
            "timed-out",
            map("timed-out", slow()).inject("work", 1, 1, Answer::Never),
            none(),
        ),
        (
            "crash-loop",
            map("crash-loop", work()).inject("work", 1, 1, Answer::Die),
            none(),
        ),
        (
            "canceled",
            map("canceled", work())
                .answer("work", |_| Answer::Never)
                .at(SECOND, Act::Cancel("not wanted".into())),
            none(),
        ),
        (
            "deadline",
            map("deadline", work())
                .answer("work", |_| Answer::Never)
                .deadline(SECOND * 60),
            none(),
        ),
        (
            "paused",
            map("paused", work())
                .answer("split", |_| Answer::list([json!(1)]).after(SECOND * 3))
                .at(SECOND, Act::Pause("lunch".into()))
                .at(SECOND * 5, Act::Resume),
            none(),
        ),
        (
            "retried",
            map("retried", work())
                .inject("work", 1, 1, truncated())
                .at(SECOND * 60, Act::Retry),
            none(),
        ),
        (
            "retried-from",
            map("retried-from", work()).at(SECOND * 60, Act::RetryFrom("work".into())),
            none(),
        ),
        ("waits", waits("waits").at(SECOND, approve()), none()),
        ("node-deadline", waits("node-deadline"), none()),
        ("skipped", skipping("skipped"), json!({"extra": false})),
        ("unprepared", unpreparable("unprepared"), none()),
        (
            "undone",
            undoing("undone").answer("last", |_| failing(Error::source)),
            none(),
        ),
        ("nothing-to-undo", undoing("nothing-to-undo"), none()),
        ("workflow-below", above("workflow-below"), none()),
        ("batched", batched("batched"), none()),
        ("decided", decided("decided"), none()),
        (
            "lost-elements",
            map("lost-elements", work().allow_failed(Allowed::Count(1))).inject(
                "work",
                1,
                1,
                truncated(),
            ),
            none(),
        ),
        (
            "speculated",
            map("speculated", work().speculate(Speculate::default()))
                .answer("split", |_| Answer::list((0..8).map(|n| json!(n))))
                .inject("work", 5, 1, Answer::Never),
            none(),
        ),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

fn recorded() -> Vec<(String, Recording)> {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let recording = serde_json::from_slice(&fs::read(&path).unwrap());
        (
            name,
            recording.unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        )
    };
    files.into_iter().map(read).collect()
}

fn of(name: &str) -> Recording {
    let mut all = recorded().into_iter();
    all.find(|(known, _)| known == name).unwrap().1
}

#[test]
#[ignore = "writes into the repository"]
fn record_what_is_missing() {
    if std::env::var_os("COSMOS_RECORD_HISTORIES").is_none() {
        return;
    }
    for (name, kit, input) in scenarios() {
        let path = folder().join(format!("{name}.json"));
        if !path.exists() {
            let recording = kit.run(&input).recording();
            fs::write(
                path,
                serde_json::to_string_pretty(&recording).unwrap() + "\n",
            )
            .unwrap();
        }
    }
}

#[test]
fn every_recorded_history_replays() {
    for (name, recording) in recorded() {
        assert_eq!(replay(&recording), Ok(()), "{name}");
    }
}

#[test]
fn there_is_one_of_every_scenario() {
    let names = recorded().into_iter().map(|(name, _)| name);
    let expected = scenarios().into_iter().map(|(name, ..)| name.to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), expected.collect());
}

/// By the names that a definition has for them.
#[test]
fn every_feature_of_a_node_is_in_one() {
    let kinds = ["map", "reduce", "undo"];
    let runs = [
        "inline", "function", "service", "workflow", "signal", "timer",
    ];
    let conditions = ["skip_when", "skip_if", "default", "allow_failed", "after"];
    let limits = [
        "retry",
        "timeout_ms",
        "deadline_ms",
        "priority",
        "batch",
        "speculate",
    ];
    let definitions = recorded().into_iter().map(|(_, of)| of.definition);
    let all = serde_json::to_string(&definitions.collect::<Vec<_>>()).unwrap();
    for feature in [&kinds[..], &runs, &conditions, &limits].concat() {
        assert!(all.contains(&format!("\"{feature}\"")), "{feature}");
    }
}

/// What runs today replays as well, whatever it does.
#[test]
fn a_run_of_today_replays() {
    for (name, kit, input) in scenarios() {
        let ran: Ran = kit.run(&input);
        assert_eq!(replay(&ran.recording()), Ok(()), "{name}: {:#?}", ran.log());
    }
}

fn divergence(diverged: Result<(), Diverged>) -> (u64, Option<String>, String) {
    match diverged {
        Err(Diverged::At(at)) => (at.number, at.node.clone(), at.to_string()),
        other => panic!("it did not diverge: {other:?}"),
    }
}

#[test]
fn a_smaller_budget_is_a_divergence() {
    let recording = of("tried-again");
    let mut today = recording.definition.clone();
    today.nodes[1].retry = Retry::NEVER;
    let (_, node, text) = divergence(replay_on(&recording, today));
    assert_eq!(node.as_deref(), Some("work"));
    assert!(
        text.contains("expected {\"event\":\"task_failed\""),
        "{text}"
    );
}

#[test]
fn a_reduce_that_no_longer_waits_is_a_divergence() {
    let recording = of("succeeded");
    let mut today = recording.definition.clone();
    today.nodes[2] = NodeDef::inline("join").after(["split"]);
    let (_, node, text) = divergence(replay_on(&recording, today));
    assert_eq!(node.as_deref(), Some("join"));
    assert!(
        text.contains("expected nothing, got {\"event\":\"node_started\""),
        "{text}"
    );
}

#[test]
fn an_event_that_today_does_not_happen_is_a_divergence() {
    let mut recording = of("succeeded");
    let last = recording.history.last_mut().unwrap();
    let end = last.events.len() - 1;
    last.events.insert(end, Event::Resumed);
    let number = last.first + end as u64;
    let (found, _, text) = divergence(replay(&recording));
    assert_eq!(found, number, "{text}");
    assert!(text.contains("expected {\"event\":\"resumed\"}"), "{text}");
}

#[test]
fn a_definition_that_is_no_longer_valid_says_why() {
    let recording = of("succeeded");
    let mut today = recording.definition.clone();
    today.output = "absent".into();
    let refused = replay_on(&recording, today).unwrap_err();
    assert!(matches!(refused, Diverged::Definition(_)), "{refused}");
}
