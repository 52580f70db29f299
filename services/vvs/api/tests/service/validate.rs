use serde_json::json;
use vvs_api::expect::Expectations;
use vvs_api::function::{File, Job};

use crate::world::World;

#[tokio::test]
async fn a_discrepancy_is_a_successful_answer() {
    let world = World::new().await;
    let (status, answer) = world.json("ValidateVideo", world.request()).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["requestId"].as_str().unwrap();

    let start = world.started().await;
    assert_eq!(
        (start.workflow_id.as_str(), start.definition.as_str()),
        (id, "vvs.validate")
    );
    assert_eq!(start.attributes["title"], "Lights");
    let job = Job::from_json(&start.input.as_option().unwrap().inline).unwrap();
    let sizes = [&job.video, &job.source].map(|file| match file {
        Some(File::Source(source)) => source.identity.as_option().unwrap().size,
        other => panic!("{other:?}"),
    });
    assert_eq!((sizes, job.reference), ([5, 6], true));
    assert_eq!(job.function_digests["vvs-plan"], "sha256/aa");
    let expected = world
        .blobs
        .get(job.expectations.as_ref().unwrap(), 1 << 20)
        .await
        .unwrap();
    let expected: Expectations = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.checks(), ["clean-decode", "same-frames"]);

    let found = json!({
        "discrepancies": [{"code": "FRAME_MISSING", "message": "frame 7 is missing",
            "frames": {"start": "7", "end": "8"}}],
        "discrepancyCount": "1",
        "checks": ["clean-decode", "same-frames"],
        "frames": "99",
    });
    let report = world.put("the report").await;
    world.succeeded(id, found.clone(), report.clone()).await;
    let wait = json!({"requestId": id, "waitMs": "60000"});
    let (status, answer) = world.json("AwaitRequest", wait).await;
    assert_eq!(status, 200, "{answer}");
    let view = &answer["view"];
    assert_eq!(view["state"], "REQUEST_STATE_SUCCEEDED", "{view}");
    assert_eq!(view["response"]["discrepancies"], found["discrepancies"]);
    assert_eq!(
        view["response"]["report"]["digest"],
        report.digest.to_string()
    );
    assert_eq!(view["stages"][0]["stage"], "inspect");

    let (_, read) = world.json("GetRequest", json!({"requestId": id})).await;
    assert_eq!(&read["view"], view);
    let (_, listed) = world.json("ListRequests", json!({})).await;
    let listed = &listed["views"][0]["response"];
    assert_eq!(listed["discrepancyCount"], "1");
    assert!(listed["discrepancies"].is_null());
}

#[tokio::test]
async fn a_source_alone_needs_no_expectations() {
    let world = World::new().await;
    let request = json!({"request": {"source": {"uri": world.uri("in/source.mov")}}});
    let (status, answer) = world.json("ValidateVideo", request).await;
    assert_eq!(status, 200, "{answer}");
    let job = Job::from_json(&world.started().await.input.as_option().unwrap().inline).unwrap();
    assert!(job.video.is_none() && job.expectations.is_none() && job.reference);
}

#[tokio::test]
async fn trusted_callers_may_name_blobs() {
    let world = World::with(true).await;
    let (video, table) = (world.put("video").await, world.put("table").await);
    let reference = |blob: &blob::BlobRef| json!({"store": blob.store, "digest": blob.digest.to_string(), "size": blob.size.to_string()});
    let mut request = json!({"request": {
        "video": {"blob": reference(&video)},
        "expectations": [{"timestamps": {"frameTable": reference(&table)}}],
    }});
    let (status, answer) = world.json("ValidateVideo", request.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let job = Job::from_json(&world.started().await.input.as_option().unwrap().inline).unwrap();
    assert!(matches!(&job.video, Some(File::Blob(blob)) if blob.digest == video.digest));
    assert_eq!(job.frame_table.unwrap().digest, table.digest);

    request["request"]["video"]["blob"]["digest"] = json!(blob::Digest::of(b"none").to_string());
    let (status, answer) = world.json("ValidateVideo", request).await;
    assert_eq!(
        (status, &answer["details"][0]["debug"]["code"]),
        (400, &json!("BLOB_MISSING"))
    );
}

#[tokio::test]
async fn two_requests_with_one_key_are_one() {
    let world = World::new().await;
    let mut request = world.request();
    request["request"]["idempotencyKey"] = json!("k");
    let (_, first) = world.json("ValidateVideo", request.clone()).await;
    let (status, second) = world.json("ValidateVideo", request.clone()).await;
    assert_eq!((status, &second["requestId"]), (200, &first["requestId"]));
    request["request"]["expectations"] = json!([{"cleanDecode": {}}]);
    let (status, third) = world.json("ValidateVideo", request).await;
    assert_eq!(
        (status, &third["code"]),
        (409, &json!("already_exists")),
        "{third}"
    );
    let cancel = json!({"requestId": first["requestId"], "reason": "no more"});
    let (_, canceled) = world.json("CancelRequest", cancel).await;
    assert_eq!(canceled["view"]["state"], "REQUEST_STATE_CANCELED");
    assert_eq!(canceled["view"]["response"]["error"]["message"], "no more");
}
