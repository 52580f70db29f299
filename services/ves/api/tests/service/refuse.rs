use serde_json::{Value, json};

use crate::world::World;

/// (field, code) of each error in a refusal.
pub(crate) fn told(answer: &Value) -> Vec<(String, String)> {
    let details = answer["details"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = details.iter().map(|detail| &detail["debug"]);
    errors
        .map(|error| (text(&error["field"]), text(&error["code"])))
        .collect()
}

#[tokio::test]
async fn every_problem_of_a_request_and_its_files_is_told_in_one_answer() {
    let world = World::new().await;
    let request = json!({"request": {
        "videoSource": {"uri": world.uri("in/none.mp4")},
        "recipe": {"codec": {"format": "CODEC_FORMAT_AVC", "preset": "warp"},
                   "rateControl": {"crf": 99}},
        "output": {"uri": world.uri("out/none/b.mp4")},
    }});
    let (status, answer) = world.json("EncodeVideo", request).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("invalid_argument")),
        "{answer}"
    );
    let expected = [
        ("recipe.codec.preset", "UNKNOWN_VALUE"),
        ("recipe.rate_control.crf", "OUT_OF_RANGE"),
        ("video_source.uri", "SOURCE_MISSING"),
        ("output.uri", "OUTPUT_FOLDER_MISSING"),
    ];
    assert_eq!(
        told(&answer),
        expected.map(|(field, code)| (field.into(), code.into()))
    );
    let (_, listed) = world.json("ListRequests", json!({})).await;
    assert!(listed["views"].is_null());
}

#[tokio::test]
async fn an_empty_request_is_told_what_a_request_needs() {
    let world = World::new().await;
    let (status, answer) = world.json("EncodeVideo", json!({})).await;
    assert_eq!(status, 400);
    let expected = [("video_source.uri", "MISSING"), ("recipe", "MISSING")];
    assert_eq!(
        told(&answer),
        expected.map(|(field, code)| (field.into(), code.into()))
    );
}

#[tokio::test]
async fn files_outside_the_roots_are_out_of_reach() {
    let world = World::new().await;
    std::fs::write(world.path("secret.mp4"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.mp4", world.path("in/link.mp4")).unwrap();
    let mut request = world.request();
    for (uri, code) in [
        (world.uri("secret.mp4"), "OUTSIDE_ROOTS"),
        (world.uri("in/../secret.mp4"), "URI_MALFORMED"),
        (world.uri("in/link.mp4"), "SOURCE_OUTSIDE_ROOT"),
        ("file:///etc/passwd".to_owned(), "OUTSIDE_ROOTS"),
    ] {
        request["request"]["videoSource"]["uri"] = json!(uri);
        let (status, answer) = world.json("EncodeVideo", request.clone()).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(
            told(&answer),
            [("video_source.uri".to_owned(), code.to_owned())]
        );
    }
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
        assert_eq!(
            told(&answer),
            [("request_id".to_owned(), "REQUEST_NOT_FOUND".to_owned())]
        );
    }
    let (status, _) = world
        .json("ListRequests", json!({"pageToken": "x y"}))
        .await;
    assert_eq!(status, 400);
    let (status, _) = world
        .json("EncodeVideo", json!({"request": {"recipe": 7}}))
        .await;
    assert_eq!(status, 400);
    let (status, _) = crate::json::call(world.address, "wrong", "ListRequests", json!({})).await;
    assert_eq!(status, 401);
}
