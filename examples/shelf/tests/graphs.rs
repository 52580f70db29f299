//! What the graphs do, in virtual time: functions answer what the tests say.

use errors::Error;
use plato_testkit::{Answer, Kit};
use serde_json::json;

/// The graph, and a function that answers as the real one does.
fn encode() -> Kit {
    let (definition, code) = shelf::graphs::encode();
    let kit = Kit::new(definition, code).expect("the graph is valid");
    kit.answer("encode", |call| {
        Answer::json(json!({"seconds": 7, "asked": call.params()}))
    })
}

#[test]
fn a_title_is_encoded_and_told_of() {
    let ran = encode().run(&json!({"source": "a.mov"}));
    ran.assert_succeeded()
        .assert_order(&["encode succeeded", "tell succeeded"]);
    assert_eq!(ran.json()["asked"]["source"], "a.mov");
}

#[test]
fn an_encode_that_is_lost_with_its_machine_is_done_again() {
    let lost = Answer::Fail(Error::platform("LOST", "the machine burnt"));
    let ran = encode().inject("encode", 0, 1, lost).run(&json!({}));
    ran.assert_succeeded().assert_order(&[
        "encode try 1 failed: LOST, to be tried again",
        "encode try 2 succeeded",
    ]);
}
