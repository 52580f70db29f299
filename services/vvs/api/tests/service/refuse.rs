use serde_json::{Value, json};

use crate::world::World;

/// (field, code) of each error in a refusal.
fn told(answer: &Value) -> Vec<(String, String)> {
    let details = answer["details"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = details.iter().map(|detail| &detail["debug"]);
    errors
        .map(|error| (text(&error["field"]), text(&error["code"])))
        .collect()
}

#[tokio::test]
async fn every_problem_of_a_request_is_told_in_one_answer() {
    let world = World::new().await;
    let request = json!({"request": {
        "video": {"uri": "file:///etc/passwd"},
        "expectations": [{"sameFrames": {}}, {"frameCount": {}}],
    }});
    let (status, answer) = world.json("ValidateVideo", request).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("invalid_argument")),
        "{answer}"
    );
    let expected = [
        ("video.uri", "OUTSIDE_ROOTS"),
        ("expectations[0]", "SOURCE_NEEDED"),
        ("expectations[1].frame_count.frames", "OUT_OF_RANGE"),
    ];
    assert_eq!(
        told(&answer),
        expected.map(|(field, code)| (field.into(), code.into()))
    );
    let (status, answer) = world.json("ValidateVideo", json!({})).await;
    assert_eq!(
        (status, told(&answer)),
        (400, vec![("video".into(), "MISSING".into())])
    );
    let (_, listed) = world.json("ListRequests", json!({})).await;
    assert!(listed["views"].is_null());
}

#[tokio::test]
async fn every_problem_of_its_files_is_told_in_one_answer() {
    let world = World::new().await;
    std::fs::write(world.path("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret", world.path("in/link")).unwrap();
    let mut request = world.request();
    request["request"]["video"]["uri"] = json!(world.uri("in/none.mp4"));
    request["request"]["source"]["uri"] = json!(world.uri("in/link"));
    let (status, answer) = world.json("ValidateVideo", request).await;
    assert_eq!(status, 400);
    let expected = [
        ("video.uri", "SOURCE_MISSING"),
        ("source.uri", "SOURCE_OUTSIDE_ROOT"),
    ];
    assert_eq!(
        told(&answer),
        expected.map(|(field, code)| (field.into(), code.into()))
    );
}

#[tokio::test]
async fn unknown_requests_and_malformed_calls_are_refused() {
    let world = World::new().await;
    for method in ["GetRequest", "AwaitRequest", "CancelRequest"] {
        let (status, answer) = world.json(method, json!({"requestId": "nobody"})).await;
        assert_eq!(
            (status, &answer["code"]),
            (404, &json!("not_found")),
            "{answer}"
        );
    }
    let (status, _) = world
        .json("ListRequests", json!({"pageToken": "x y"}))
        .await;
    assert_eq!(status, 400);
    let (status, _) = world
        .json("ValidateVideo", json!({"request": {"expectations": 7}}))
        .await;
    assert_eq!(status, 400);
}
