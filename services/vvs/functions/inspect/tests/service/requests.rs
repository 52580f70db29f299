use optimus::{StageState, State};
use serde_json::json;
use stratum_frames::{Tools, build_table};
use vvs_api::report::{FRAME_MISSING, FRAMES_SHIFTED, Report, WRONG_FRAME_COUNT};

use crate::world::World;

fn ready() -> bool {
    let ready = corpus::have("ffmpeg") && corpus::have("ffprobe");
    if !ready {
        corpus::skip("validation requests", "no ffmpeg and ffprobe");
    }
    ready
}

fn ffmpeg(words: &str, to: &std::path::Path) {
    let to = to.display().to_string();
    let words = "-nostdin -v error -y ".to_owned() + words;
    corpus::run("ffmpeg", words.split_whitespace().chain([to.as_str()])).unwrap();
}

/// A source, a good encode of it and one that lacks frame 60.
fn films(world: &World) {
    let times = "-video_track_timescale 30000";
    let source = world.path("source.mp4");
    let lossless = format!("-c:v libx264 -preset ultrafast -qp 0 {times}");
    ffmpeg(
        &format!("-f lavfi -i testsrc2=s=320x180:r=30000/1001 -frames:v 120 {lossless}"),
        &source,
    );
    let from = format!("-i {} -fps_mode passthrough", source.display());
    let encode = format!("-c:v libx264 -preset ultrafast -crf 23 -g 30 {times}");
    ffmpeg(&format!("{from} {encode}"), &world.path("good.mp4"));
    let drop = "-vf select='not(eq(n,60))',setpts=N*1001/30000/TB -enc_time_base 1/30000";
    ffmpeg(&format!("{from} {drop} {encode}"), &world.path("bad.mp4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn good_and_bad_videos_are_told_apart() {
    if !ready() {
        return;
    }
    let world = World::new().await;
    films(&world);
    let table = build_table(&Tools::of_function().unwrap(), &world.path("source.mp4")).await;
    let table = world
        .blobs
        .home()
        .put(table.unwrap().encode().into(), "x")
        .await
        .unwrap();
    let table = json!({"store": table.store, "digest": table.digest.to_string(),
        "size": table.size.to_string()});

    // The source alone, as when its encode has just begun.
    let prepared = world.run(json!({"source": world.file("source.mp4")})).await;
    assert_eq!(prepared.state, State::Succeeded, "{prepared:#?}");
    assert_eq!(prepared.response.unwrap().frames, 120);
    let stage = |name: &str| {
        let stage = prepared
            .stages
            .iter()
            .find(|stage| stage.name == name)
            .unwrap();
        stage.state
    };
    assert_eq!(
        ["reference", "plan", "inspect", "verdict"].map(stage),
        [
            StageState::Succeeded,
            StageState::Skipped,
            StageState::Skipped,
            StageState::Skipped
        ]
    );

    let request = |video: &str| {
        json!({
            "video": world.file(video),
            "source": world.file("source.mp4"),
            "expectations": [
                {"frameCount": {"frames": "120"}},
                {"timestamps": {"frameTable": table}},
                {"format": {"codec": "h264", "video": {
                    "resolution": {"width": 320, "height": 180}, "pixelFormat": "yuv420p"}}},
                {"tracks": {"others": "0"}},
                {"cleanDecode": {}},
                {"sameFrames": {}},
                {"qualitySteps": {"boundaries": ["0", "30", "60", "90"]}},
            ],
        })
    };
    let good = world.run(request("good.mp4")).await;
    assert_eq!(good.state, State::Succeeded, "{good:#?}");
    let reused = |name: &str| {
        good.stages
            .iter()
            .find(|stage| stage.name == name)
            .unwrap()
            .reused
    };
    assert_eq!((reused("reference"), reused("plan")), (1, 0));
    let response = good.response.unwrap();
    assert!(response.discrepancies.is_empty(), "{response:#?}");
    assert_eq!((response.frames, response.checks.len()), (120, 7));

    let bad = world.run(request("bad.mp4")).await;
    assert_eq!(bad.state, State::Succeeded, "{bad:#?}");
    let response = bad.response.unwrap();
    let missing = &response.discrepancies[0];
    assert_eq!(missing.code, FRAME_MISSING, "{response:#?}");
    let frames = |code: &str| {
        let mut all = [missing].into_iter().chain(&missing.consequences);
        let found = all.find(|one| one.code == code);
        let frames = found
            .unwrap_or_else(|| panic!("{code}: {response:#?}"))
            .frames
            .clone();
        frames
            .as_option()
            .map(|frames| (frames.start, frames.end))
            .unwrap()
    };
    assert_eq!(frames(FRAME_MISSING), (60, 61));
    assert_eq!(frames(FRAMES_SHIFTED), (60, 119));
    assert_eq!(frames(WRONG_FRAME_COUNT), (119, 120));
    assert_eq!(
        response.discrepancy_count,
        response.discrepancies.len() as u64
    );
    let report = response
        .report
        .as_option()
        .unwrap()
        .clone()
        .try_into()
        .unwrap();
    let report = world.blobs.get(&report, 1 << 20).await.unwrap();
    let report: Report = serde_json::from_slice(&report).unwrap();
    assert_eq!(report.discrepancy_count, response.discrepancy_count);
    world.agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_fails_the_request() {
    if !ready() {
        return;
    }
    let world = World::new().await;
    std::fs::write(world.path("text.mp4"), "this is no video").unwrap();
    let expectations = json!([{"cleanDecode": {}}]);
    let request = json!({"video": world.file("text.mp4"), "expectations": expectations});
    let failed = world.run(request).await;
    assert_eq!(failed.state, State::Failed, "{failed:#?}");
    let response = failed.response.unwrap();
    let error = response.error.as_option().unwrap();
    assert_eq!(
        (error.code.as_str(), error.field.as_str()),
        ("UNREADABLE_VIDEO", "video")
    );
    world.agent.stop().await;
}
