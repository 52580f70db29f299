//! Several encodes of one source, asked for as one.

use serde_json::{Value, json};
use ves_api::function::LadderJob;

use crate::refuse::told;
use crate::world::World;

/// Two rungs into out/, what all have in `recipe`.
fn request(world: &World) -> Value {
    let rung = |name: &str, height: u32| {
        json!({
            "name": name, "recipe": {"resolution": {"height": height}},
            "output": {"uri": world.uri(&format!("out/{name}.mp4"))},
        })
    };
    json!({"request": {
        "videoSource": {"uri": world.uri("in/a film.mp4")},
        "recipe": {"codec": {"format": "CODEC_FORMAT_AVC"}, "rateControl": {"crf": 20}},
        "labels": {"title": "Lights"},
        "ladder": {"rungs": [rung("high", 720), rung("low", 360)]},
    }})
}

#[tokio::test]
async fn a_ladder_is_one_workflow_and_answers_of_each_rung() {
    let world = World::new().await;
    let (status, answer) = world.json("EncodeVideo", request(&world)).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["requestId"].as_str().unwrap();
    let start = world.started().await;
    let started = (start.workflow_id.as_str(), start.definition.as_str());
    assert_eq!(started, (id, "ves.ladder.2"));
    let job = LadderJob::from_json(&start.input.as_option().unwrap().inline).unwrap();
    assert_eq!(job.source.uri, world.uri("in/a film.mp4"));
    assert_eq!(job.labels["title"], "Lights");
    for (rung, (name, height)) in job.rungs.iter().zip([("high", 720), ("low", 360)]) {
        assert_eq!(
            (rung.name.as_str(), rung.recipe.resolution.height),
            (name, height)
        );
        assert!(rung.recipe.chunking_directives.aligned_access);
        let output = rung.output.as_ref().unwrap();
        assert_eq!(output.uri, world.uri(&format!("out/{name}.mp4")));
    }
    let rungs = json!([{"name": "high", "outputVideo": {"frames": "60"}}, {"name": "low"}]);
    world.answered(id, &json!({"rungs": rungs})).await;
    let wait = json!({"requestId": id, "waitMs": "60000"});
    let (_, answer) = world.json("AwaitRequest", wait).await;
    let view = &answer["view"];
    assert_eq!(view["state"], "REQUEST_STATE_SUCCEEDED", "{view}");
    assert_eq!(view["response"]["rungs"], rungs);
    assert!(view["response"]["outputVideo"].is_null());
}

#[tokio::test]
async fn every_problem_of_all_rungs_and_their_outputs_is_told_in_one_answer() {
    let world = World::new().await;
    let mut asked = request(&world);
    let body = &mut asked["request"];
    body["videoSource"] = json!({
        "uri": world.uri("in/a film.mp4"),
        "frameTable": {"store": "local", "digest": "sha256/00", "size": "1"},
    });
    body["output"] = json!({"uri": world.uri("out/b.mp4")});
    body["labels"]["rung"] = json!("mine");
    let rungs = &mut body["ladder"]["rungs"];
    rungs[0]["recipe"] = json!({"codec": {"preset": "warp"}});
    rungs[1]["output"] = json!({"uri": world.uri("out/none/b.mp4")});
    let third = json!({"name": "low", "output": {"uri": world.uri("in/a film.mp4")}});
    let fourth = json!({"name": "4", "output": {"uri": world.uri("out/high.mp4")}});
    rungs.as_array_mut().unwrap().extend([third, fourth]);
    let (status, answer) = world.json("EncodeVideo", asked).await;
    assert_eq!(status, 400, "{answer}");
    let expected = [
        ("video_source.frame_table", "BLOB_NOT_ALLOWED"),
        ("output", "IMPOSSIBLE_COMBINATION"),
        ("labels", "TOO_MANY_LABELS"),
        ("ladder.rungs[0].recipe.codec.preset", "UNKNOWN_VALUE"),
        ("ladder.rungs[2].name", "NOT_UNIQUE"),
        ("ladder.rungs[2].output.uri", "OUTSIDE_ROOTS"),
        ("ladder.rungs[3].output.uri", "OUTPUT_TWICE"),
        ("ladder.rungs[1].output.uri", "OUTPUT_FOLDER_MISSING"),
    ];
    let expected = expected.map(|(field, code)| (field.to_owned(), code.to_owned()));
    assert_eq!(told(&answer), expected);
    let mut asked = request(&world);
    let rungs = &mut asked["request"]["ladder"]["rungs"];
    for (rung, name) in [(0, "none/a.mp4"), (1, "none/b.mp4")] {
        rungs[rung]["output"] = json!({"uri": world.uri(&format!("out/{name}"))});
    }
    let (_, answer) = world.json("EncodeVideo", asked).await;
    let expected = [0, 1].map(|rung| {
        let field = format!("ladder.rungs[{rung}].output.uri");
        (field, "OUTPUT_FOLDER_MISSING".to_owned())
    });
    assert_eq!(told(&answer), expected);
}
