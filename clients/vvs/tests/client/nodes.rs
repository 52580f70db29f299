use plato::{NodeContext, NodeDef, TaskContext, Value};
use vvs_client::wire::ValidateResponse;

use crate::service::asking;

fn after(answer: &str) -> TaskContext {
    TaskContext::new(NodeContext {
        outputs: [("check".to_owned(), Value::inline(answer.to_owned()))].into(),
        ..NodeContext::default()
    })
}

#[test]
fn a_node_asks_for_what_its_definition_names() {
    let node = vvs_client::validate_video_node("check");
    assert_eq!(node, NodeDef::service("check", "vvs", "ValidateVideo"));
    let call = vvs_client::validate_video(asking("x"));
    assert_eq!((&*call.service, &*call.method), ("vvs", "ValidateVideo"));
    assert_eq!(call.request_type, "vvs.v1.ValidateRequest");
}

#[test]
fn a_later_node_reads_the_typed_response() {
    let read = |answer: &str| vvs_client::validate_video_response(&after(answer), "check");
    let expected = ValidateResponse {
        frames: 7,
        checks: vec!["same-frames".into()],
        ..Default::default()
    };
    let answer = r#"{"frames": "7", "checks": ["same-frames"], "addedLater": 1}"#;
    assert_eq!(read(answer), Ok(expected));
    assert_eq!(read("7").unwrap_err().code, "UNEXPECTED_VALUE");
    let elsewhere = vvs_client::validate_video_response(&after("{}"), "other");
    assert_eq!(elsewhere.unwrap_err().code, "NO_OUTPUT");
}
