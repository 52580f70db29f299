//! The examples of the page for authors (`plato/TESTING.md`), which are this file.

use std::time::Duration;

use errors::Error;
use plato::{Definition, NodeCode, NodeDef, TaskContext};
use plato_rules::RuleBase;
use plato_testkit::{Answer, Kit, RulesKit};
use proto::stratum::v1::Invocation;
use serde_json::json;

#[test]
fn the_second_element_is_tried_again() {
    // What the service registers: a list is split, each element worked on, and the whole embargoed.
    let definition = Definition {
        name: "demo.release".into(),
        version: 1,
        nodes: vec![
            NodeDef::function("split", "demo-split"),
            NodeDef::function("work", "demo-work").map_over("split"),
            NodeDef::timer("embargo", 90 * 86_400_000).after(["work"]),
            NodeDef::inline("tell").after(["embargo"]),
        ],
        output: "tell".into(),
    };
    let plain = |_: &TaskContext| Ok(Invocation::default());
    let work = |task: &TaskContext| plato::invoke::with_params(&task.element()?.index);
    let tell = |_: &TaskContext| Ok(plato::Value::inline("\"released\""));
    let code = [
        ("split", NodeCode::function(plain)),
        ("work", NodeCode::function(work)),
        ("tell", NodeCode::inline(tell)),
    ];

    // What the world does: two elements, of which the second is lost with its machine at first.
    let lost = Answer::Fail(Error::platform("LOST", "the machine burnt"));
    let ran = Kit::new(definition, code)
        .unwrap()
        .answer("split", |_| Answer::list([json!("a"), json!("b")]))
        .answer("work", |call| Answer::json(call.params()))
        .inject("work", 1, 1, lost)
        .run(&json!({"title": "x"}));

    // What became of it.
    ran.assert_succeeded().assert_order(&[
        "work[1] try 1 failed: LOST, to be tried again",
        "work[1] try 2 succeeded",
        "work succeeded",
        "embargo succeeded",
        "ended: succeeded",
    ]);
    assert_eq!(ran.json(), json!("released"));
    assert!(ran.took() > Duration::from_secs(90 * 86_400));
    assert_eq!(ran.calls_of("work").len(), 3);
}

#[test]
fn a_title_gets_a_label() {
    // Every title that has no label gets one.
    let rules = r#"
        name: demo.labels
        version: 1
        facts:
          Title: {key: [id], fields: {id: string}}
          Label: {key: [id], fields: {id: string, words: string}}
        rules:
          - name: label
            match:
              - {fact: Title, as: title, where: {id: $id}}
              - {not: Label, where: {id: $id}}
            action: {run: {function: demo-label, params: {id: id}}}
            reaction: [{assert: {fact: Label, fields: {id: id, words: string(result.words)}}}]
    "#;
    let no_code: [(&str, NodeCode); 0] = [];
    let title = || ("Title", json!({"id": "t1"}));
    let ran = RulesKit::new(RuleBase::of_yaml(rules).unwrap(), no_code)
        .unwrap()
        .answer("label", |_| Answer::json(json!({"words": "a heron"})))
        .assert(Duration::ZERO, [title()])
        .retract(Duration::from_secs(365 * 86_400), [title()])
        .run();

    ran.assert_quiet().assert_fired(&["label"]);
    ran.assert_facts("Label", &[json!({"id": "t1", "words": "a heron"})]);
    assert!(ran.explain(1).contains("why now: title f1 was asserted"));
}

#[test]
fn the_page_shows_these_examples() {
    let page = include_str!("../../../TESTING.md");
    let shown = page.split("```rust\n").skip(1);
    let shown = shown.filter_map(|rest| rest.split("```").next());
    let mut here = include_str!("page.rs").lines().map(str::trim);
    for line in shown.flat_map(str::lines).map(str::trim) {
        assert!(
            here.any(|known| known == line),
            "only the page has `{line}`, in its place"
        );
    }
}
