//! Rules in the kit, and journals of rules that earlier versions recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use errors::Error;
use plato::{Definition, NodeCode, NodeDef, TaskContext};
use plato_rules::{Event, RuleBase};
use plato_testkit::{Answer, Diverged, RulesKit, RulesRecording, replay_rules, replay_rules_on};
use serde_json::{Value as Json, json};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Duration = Duration::ZERO;

/// Each title is encoded by the newest encoder.
const FRESH: &str = r#"
name: t.fresh
version: 1
facts:
  Title: {key: [id], fields: {id: string}}
  Encoder: {key: [codec], fields: {codec: string, release: uint}}
  Encode: {key: [title, codec], fields: {title: string, codec: string, release: uint, state: string}}
rules:
  - name: encode
    match:
      - {fact: Title, as: title, where: {id: $id}}
      - {fact: Encoder, as: encoder, where: {codec: $codec}}
      - {not: Encode, as: encode, where: {title: $id, codec: $codec}, when: encode.release >= encoder.release}
    action:
      record:
        - assert: {fact: Encode, as: encode, fields: {title: id, codec: codec, release: encoder.release, state: '"running"'}}
      run: {function: t-encode, params: {title: id}, retry: {backoff_ms: 1000}}
    reaction:
      - update: {fact: encode, fields: {state: '"done in " + string(result.seconds) + " s"'}}
    error:
      - update: {fact: encode, fields: {state: '"failed: " + string(error.code)'}}
"#;

fn base(text: &str) -> RuleBase {
    RuleBase::of_yaml(text).unwrap()
}

fn kit(text: &str) -> RulesKit {
    RulesKit::new(base(text), Vec::<(String, NodeCode)>::new()).unwrap()
}

fn title(id: &str) -> (&'static str, Json) {
    ("Title", json!({"id": id}))
}

fn encoder(release: u64) -> (&'static str, Json) {
    ("Encoder", json!({"codec": "av1", "release": release}))
}

fn encode(release: u64, state: &str) -> Json {
    json!({"codec": "av1", "release": release, "state": state, "title": "t1"})
}

/// A title and an encoder, and an encode of an hour.
fn fresh() -> RulesKit {
    let hour = Duration::from_secs(3_600);
    let kit = kit(FRESH).answer("encode", move |call| {
        assert_eq!(call.params(), json!({"title": "t1"}));
        Answer::json(json!({"seconds": 7})).after(hour)
    });
    kit.assert(NOW, [title("t1"), encoder(1)])
}

#[test]
fn a_run_of_rules_tells_what_happened_line_by_line() {
    let ran = fresh().run();
    ran.assert_quiet().assert_fired(&["encode"]).assert_log(&[
        "t.fresh v1 at work",
        r#"f1 Title(id "t1") asserted"#,
        r#"f2 Encoder(codec "av1", release 1) asserted"#,
        "encode 1 fired for f1, f2",
        r#"f3 Encode(codec "av1", release 1, state "running", title "t1") asserted by 1"#,
        "encode 1 holds no more",
        "encode 1 succeeded",
        r#"f3 Encode(state "done in 7 s") updated by 1"#,
    ]);
    ran.assert_facts("Encode", &[encode(1, "done in 7 s")]);
    assert_eq!(ran.took(), Duration::from_secs(3_600));
    assert!(ran.explain(1).contains("why now: encoder f2 was asserted"));
}

#[test]
fn a_better_encoder_a_year_later_fires_again() {
    let ran = fresh().assert(DAY * 365, [encoder(2)]).run();
    ran.assert_quiet().assert_fired(&["encode", "encode"]);
    ran.assert_facts("Encode", &[encode(2, "done in 7 s")]);
    assert!(ran.took() > DAY * 365);
    let calls = ran.calls_of("encode");
    let firings: Vec<u64> = calls.iter().map(|call| call.element).collect();
    assert_eq!(firings, [1, 2]);
}

fn lost() -> RulesKit {
    let lost = Answer::Fail(Error::platform("LOST", "its machine burnt"));
    fresh().inject("encode", 1, 1, lost)
}

#[test]
fn an_injected_failure_is_tried_again() {
    lost().run().assert_order(&[
        "encode 1 failed: LOST, to be tried again",
        "encode 1 tried again: try 2",
        "encode 1 succeeded",
    ]);
}

fn broken() -> RulesKit {
    let broken = Answer::Fail(Error::source("TRUNCATED", "the source ends early"));
    fresh().inject("encode", 1, 1, broken)
}

#[test]
fn one_that_fails_for_good_is_told_to_its_rule() {
    let ran = broken().run();
    ran.assert_quiet()
        .assert_facts("Encode", &[encode(1, "failed: TRUNCATED")]);
}

fn paused() -> RulesKit {
    fresh()
        .pause(DAY, "lunch")
        .assert(DAY * 2, [encoder(2)])
        .resume(DAY * 3)
        .inject("encode", 2, 1, Answer::Never)
        .cancel(DAY * 4, "not wanted")
}

#[test]
fn a_pause_keeps_matches_waiting_and_a_cancel_stops_what_runs() {
    let ran = paused().run();
    ran.assert_order(&[
        "paused: lunch",
        r#"f2 Encoder(release 2) updated"#,
        "resumed",
        "encode 2 fired for f1, f2",
        "canceled: not wanted",
    ]);
    assert_eq!((ran.stopped.len(), ran.running.len()), (1, 0));
}

/// A rule that starts a graph, concludes while its match holds, and takes it back.
const LINKED: &str = r#"
name: t.linked
version: 1
facts:
  Title: {key: [id], fields: {id: string}}
  Ready: {fields: {id: string}}
  Told: {key: [id], fields: {id: string, words: string}}
rules:
  - name: ready
    match: [{fact: Title, as: title, where: {id: $id}}]
    action: {record: [{assert: {fact: Ready, fields: {id: id}, logical: true}}]}
  - name: tell
    match: [{fact: Ready, as: ready, where: {id: $id}}]
    action: {run: {workflow: {definition: t.tell}, params: {id: id}}}
    reaction: [{assert: {fact: Told, fields: {id: id, words: string(result.words)}}}]
"#;

fn linked() -> RulesKit {
    let definition = Definition {
        name: "t.tell".into(),
        version: 1,
        nodes: vec![NodeDef::function("say", "t-say")],
        output: "say".into(),
    };
    let say = |_: &TaskContext| Ok(proto::stratum::v1::Invocation::default());
    let kit = kit(LINKED).also(definition, [("say", NodeCode::function(say))]);
    kit.unwrap()
        .answer("say", |_| Answer::json(json!({"words": "ready"})))
        .assert(NOW, [title("t1"), title("t2")])
        .retract(DAY, [title("t2")])
}

#[test]
fn rules_start_workflows_and_take_back_what_they_concluded() {
    let ran = linked().run();
    ran.assert_quiet()
        .assert_facts("Ready", &[json!({"id": "t1"})]);
    let told = |id: &str| json!({"id": id, "words": "ready"});
    ran.assert_facts("Told", &[told("t1"), told("t2")]);
}

const LOOP: &str = r#"
name: t.loop
version: 1
facts: {Count: {key: [id], fields: {id: string, n: int}}}
rules:
  - name: up
    match: [{fact: Count, as: count, when: count.n >= 0}]
    action: {record: [{update: {fact: count, fields: {n: count.n + 1}}}]}
"#;

#[test]
fn a_loop_is_halted() {
    let count = [("Count", json!({"id": "a", "n": 0}))];
    kit(LOOP)
        .assert(NOW, count)
        .run()
        .assert_halted("RULES_LOOP");
}

#[test]
fn rules_that_wait_for_ever_are_looked_at_as_they_are() {
    let ran = fresh()
        .inject("encode", 1, 1, Answer::Never)
        .patience(DAY)
        .run();
    let refused = std::panic::catch_unwind(|| ran.assert_quiet().took());
    let refused = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(refused.contains("1 runs are out"), "{refused}");
    assert!(refused.contains("0 ms  encode 1 fired"), "{refused}");
}

#[test]
fn the_same_run_twice_is_the_same_journal() {
    let year = || fresh().assert(DAY * 365, [encoder(2)]).run().history;
    assert_eq!(year(), year());
}

#[test]
fn a_recording_replays_on_rules_that_do_the_same() {
    let recording = fresh().assert(DAY, [encoder(2)]).run().recording();
    replay_rules(&recording).unwrap();
    let stored = serde_json::to_string(&recording).unwrap();
    assert_eq!(
        serde_json::from_str::<plato_testkit::RulesRecording>(&stored).unwrap(),
        recording
    );
    let newer = FRESH.replace("version: 1", "version: 2");
    replay_rules_on(&recording, base(&newer)).unwrap();
}

#[test]
fn rules_that_do_something_else_are_told_by_their_first_event() {
    let recording = fresh().assert(DAY, [encoder(2)]).run().recording();
    // An encoder of the second release is not thought better any more.
    let newer = FRESH.replace("encode.release >= encoder.release", "encode.release >= 1u");
    let Err(Diverged::At(found)) = replay_rules_on(&recording, base(&newer)) else {
        panic!("it replays");
    };
    assert_eq!(found.node.as_deref(), Some("encode"));
    assert!(matches!(&found.expected, Some(Event::Fired(fired)) if fired.firing == 2));
    assert_eq!(found.got, None);
}

/// One of each ending and feature; a loop's journal would be long.
fn scenarios() -> BTreeMap<&'static str, RulesKit> {
    BTreeMap::from([
        ("fired-again", fresh().assert(DAY, [encoder(2)])),
        ("tried-again", lost()),
        ("failed-for-good", broken()),
        ("paused-and-canceled", paused()),
        ("concluded-and-started", linked()),
    ])
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rule-histories")
}

fn recorded() -> BTreeMap<String, RulesRecording> {
    let files = fs::read_dir(folder()).unwrap();
    let recorded = files.map(|file| {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).unwrap())
    });
    recorded.collect()
}

#[test]
#[ignore = "writes into the repository"]
fn record_what_is_missing_of_rules() {
    if std::env::var_os("COSMOS_RECORD_HISTORIES").is_none() {
        return;
    }
    for (name, kit) in scenarios() {
        let path = folder().join(format!("{name}.json"));
        if !path.exists() {
            let text = serde_json::to_string_pretty(&kit.run().recording()).unwrap();
            fs::write(path, text + "\n").unwrap();
        }
    }
}

#[test]
fn every_recorded_history_of_rules_replays() {
    let recorded = recorded();
    let names: Vec<&str> = recorded.keys().map(String::as_str).collect();
    assert_eq!(names, scenarios().into_keys().collect::<Vec<_>>());
    for (name, recording) in recorded {
        assert_eq!(replay_rules(&recording), Ok(()), "{name}");
    }
}

#[test]
fn a_run_of_rules_of_today_replays() {
    for (name, kit) in scenarios() {
        let ran = kit.run();
        assert_eq!(
            replay_rules(&ran.recording()),
            Ok(()),
            "{name}: {:#?}",
            ran.log()
        );
    }
}
