use std::fs;

use serde_json::json;
use ves_api::function::Job;
use ves_api::recipe::{Crf, RateControl};
use ves_api::wire::{AwaitRequestRequest, CancelRequestRequest, RequestState, WatchRequestRequest};

use crate::world::World;

#[tokio::test]
async fn a_video_goes_from_json_request_to_published_file() {
    let world = World::new().await;
    let (status, answer) = world.json("EncodeVideo", world.request()).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["requestId"].as_str().unwrap();

    let start = world.started().await;
    assert_eq!(
        (start.workflow_id.as_str(), start.definition.as_str()),
        (id, "ves.encode")
    );
    assert_eq!(start.attributes["title"], "Lights");
    let job = Job::from_json(&start.input.as_option().unwrap().inline).unwrap();
    assert_eq!(job.source.uri, world.uri("in/a film.mp4"));
    assert_eq!(job.source.identity.as_option().unwrap().size, 6);
    assert_eq!(
        job.recipe.rate_control,
        RateControl::Crf(Crf::new(20.0).unwrap())
    );
    assert_eq!(job.function_digests["ves-avc"], "sha256/aa");
    assert_eq!(start.function_digests["ves-avc"], "sha256/aa");

    world.succeeded(id, "encoded").await;
    let wait = json!({"requestId": id, "waitMs": "60000"});
    let (status, answer) = world.json("AwaitRequest", wait).await;
    assert_eq!(status, 200, "{answer}");
    let view = &answer["view"];
    assert_eq!(view["state"], "REQUEST_STATE_SUCCEEDED", "{view}");
    let video = &view["response"]["outputVideo"];
    assert_eq!(video["uri"], world.uri("out/b.mp4"));
    assert_eq!(
        (&video["frames"], &video["sizeBytes"]),
        (&json!("60"), &json!("7"))
    );
    assert_eq!(
        video["resolvedRecipe"]["boundaries"],
        json!(["0", "30", "60"])
    );
    assert_eq!(video["format"]["pixelFormat"], "yuv420p");
    assert_eq!(video["validation"]["checks"], json!(["frame-count"]));
    assert_eq!(
        (&video["chunksEncoded"], &video["chunksReused"]),
        (&json!("3"), &json!("1"))
    );
    assert_eq!(
        (&video["encodeCpuMs"], &video["decodeCpuMs"]),
        (&json!("700"), &json!("70"))
    );
    assert_eq!(fs::read(world.path("out/b.mp4")).unwrap(), b"encoded");
    assert_eq!(fs::read(world.path("in/a film.mp4")).unwrap(), b"source");

    let (_, listed) = world.json("ListRequests", json!({})).await;
    let listed = &listed["views"][0];
    assert_eq!(listed["requestId"], id);
    assert_eq!(listed["response"]["outputVideo"]["frames"], "60");
    assert!(listed["response"]["outputVideo"]["resolvedRecipe"].is_null());
    let (_, read) = world.json("GetRequest", json!({"requestId": id})).await;
    assert_eq!(&read["view"], view);
}

#[tokio::test]
async fn grpc_watches_what_json_asked_for() {
    let world = World::new().await;
    let (_, answer) = world.json("EncodeVideo", world.request()).await;
    let request_id = answer["requestId"].as_str().unwrap().to_owned();
    let client = world.grpc();
    let watch = WatchRequestRequest {
        request_id: request_id.clone(),
        ..Default::default()
    };
    let mut views = client.watch_request(watch).await.unwrap();
    let first = views.message().await.unwrap().unwrap().to_owned_message();
    let first = first.view.into_option().unwrap();
    assert_eq!(first.state, RequestState::REQUEST_STATE_ACCEPTED);
    world.started().await;
    world.running(&request_id).await;
    let second = views.message().await.unwrap().unwrap().to_owned_message();
    let second = second.view.into_option().unwrap();
    assert_eq!(second.state, RequestState::REQUEST_STATE_RUNNING);
    assert_eq!((second.stages[0].done, second.stages[0].progress), (3, 3.5));
    assert!(second.version > first.version);
    world.succeeded(&request_id, "encoded").await;
    let mut last = second;
    while let Some(view) = views.message().await.unwrap() {
        last = view.to_owned_message().view.into_option().unwrap();
    }
    assert_eq!(last.state, RequestState::REQUEST_STATE_SUCCEEDED);
    let wait = AwaitRequestRequest {
        request_id,
        wait_ms: 1,
        ..Default::default()
    };
    let read = client.await_request(wait).await.unwrap().into_owned();
    assert_eq!(read.view.into_option().unwrap(), last);
}

#[tokio::test]
async fn what_is_canceled_is_told_to_the_workflow_and_nothing_is_published() {
    let world = World::new().await;
    let (_, answer) = world.json("EncodeVideo", world.request()).await;
    let request_id = answer["requestId"].as_str().unwrap().to_owned();
    let cancel = CancelRequestRequest {
        request_id: request_id.clone(),
        reason: "wrong cut".into(),
        ..Default::default()
    };
    let view = world
        .grpc()
        .cancel_request(cancel)
        .await
        .unwrap()
        .into_owned();
    let view = view.view.into_option().unwrap();
    assert_eq!(view.state, RequestState::REQUEST_STATE_CANCELED);
    assert_eq!(
        view.response
            .as_option()
            .unwrap()
            .error
            .as_option()
            .unwrap()
            .message,
        "wrong cut"
    );
    assert_eq!(world.started().await.workflow_id, request_id);
    assert_eq!(world.canceled().await.reason, "wrong cut");
    world.succeeded(&request_id, "encoded").await;
    let (_, read) = world
        .json("GetRequest", json!({"requestId": request_id}))
        .await;
    assert_eq!(read["view"]["state"], "REQUEST_STATE_CANCELED");
    assert!(!world.path("out/b.mp4").exists());
}

#[tokio::test]
async fn a_finished_request_answers_again_by_its_key_though_its_output_is_there_now() {
    let world = World::new().await;
    let mut request = world.request();
    request["request"]["idempotencyKey"] = json!("k");
    let (_, first) = world.json("EncodeVideo", request.clone()).await;
    let id = first["requestId"].as_str().unwrap().to_owned();
    world.started().await;
    world.succeeded(&id, "encoded").await;
    world
        .json("AwaitRequest", json!({"requestId": id, "waitMs": "60000"}))
        .await;
    fs::remove_file(world.path("in/a film.mp4")).unwrap();
    let (status, second) = world.json("EncodeVideo", request.clone()).await;
    assert_eq!((status, &second["requestId"]), (200, &json!(id)));
    request["request"]["output"]["overwrite"] = json!(true);
    let (_, again) = world.json("EncodeVideo", request.clone()).await;
    assert_eq!(again["requestId"], json!(id));
    request["request"]["recipe"]["rateControl"]["crf"] = json!(21);
    let (status, third) = world.json("EncodeVideo", request).await;
    assert_eq!(
        (status, &third["code"]),
        (409, &json!("already_exists")),
        "{third}"
    );
}

#[tokio::test]
async fn a_result_whose_place_was_taken_meanwhile_fails_the_request() {
    let world = World::new().await;
    let (_, answer) = world.json("EncodeVideo", world.request()).await;
    let id = answer["requestId"].as_str().unwrap();
    world.started().await;
    fs::write(world.path("out/b.mp4"), "mine").unwrap();
    world.succeeded(id, "encoded").await;
    let wait = json!({"requestId": id, "waitMs": "60000"});
    let (_, answer) = world.json("AwaitRequest", wait).await;
    assert_eq!(answer["view"]["state"], "REQUEST_STATE_FAILED", "{answer}");
    assert_eq!(answer["view"]["response"]["error"]["code"], "OUTPUT_EXISTS");
    assert_eq!(fs::read(world.path("out/b.mp4")).unwrap(), b"mine");
}

#[tokio::test]
async fn a_request_may_name_the_channel_of_its_functions() {
    let world = World::new().await;
    let mut request = world.request();
    request["request"]["channel"] = json!("canary");
    request["request"]["idempotencyKey"] = json!("once");
    let (status, answer) = world.json("EncodeVideo", request.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let start = world.started().await;
    assert_eq!(start.function_digests["ves-avc"], "sha256/aacanary");

    request["request"]["channel"] = json!("");
    let (_, answer) = world.json("EncodeVideo", request.clone()).await;
    assert!(answer.to_string().contains("IDEMPOTENCY"), "{answer}");
    request["request"]["channel"] = json!("none");
    request["request"]["idempotencyKey"] = json!("other");
    let (status, answer) = world.json("EncodeVideo", request).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer.to_string().contains("NO_SUCH_CHANNEL"), "{answer}");
}
