//! What the rules do, in virtual time: functions answer what the tests say.

use std::time::Duration;

use plato::NodeCode;
use plato_testkit::{Answer, RulesKit};
use serde_json::{Value, json};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The rules, the graph that they start, and a function that answers as the real one does.
fn freshness() -> RulesKit {
    let no_code: [(&str, NodeCode); 0] = [];
    let rules = shelf::rules::freshness().expect("the rules can be read");
    let kit = RulesKit::new(rules, no_code).expect("the rules are valid");
    let (definition, code) = shelf::graphs::encode();
    let kit = kit.also(definition, code).expect("the graph is valid");
    kit.answer("encode", |call| {
        Answer::json(json!({"seconds": 7, "asked": call.params()}))
    })
}

fn encoder(release: u64) -> (&'static str, Value) {
    ("Encoder", json!({"codec": "av1", "release": release}))
}

#[test]
fn a_better_encoder_has_every_title_encoded_again() {
    let title = ("Title", json!({"id": "t1", "source": "a.mov"}));
    let ran = freshness()
        .assert(Duration::ZERO, [title, encoder(1)])
        .assert(YEAR, [encoder(2)])
        .run();
    ran.assert_quiet().assert_fired(&["encode", "encode"]);
    let done = json!({"title": "t1", "codec": "av1", "release": 2, "state": "done in 7 s"});
    ran.assert_facts("Encode", &[done]);
    assert!(ran.explain(2).contains("was updated"));
}
