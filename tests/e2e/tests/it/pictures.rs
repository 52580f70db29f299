//! What an encode says and shows is what was asked for, as VVS finds it.

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::terminal::ves;
use serde_json::Value;

/// The last event of an encode with these words.
fn encode(clip: Clip, words: &[&str]) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let source = corpus::clip(clip)?.display().to_string();
    let fixed = [
        "encode",
        &source,
        "-o",
        "out.mp4",
        "--json",
        "--preset",
        "ultrafast",
    ];
    let output = ves(folder.path(), &[&fixed[..], words].concat())?.output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(
        text.lines().last().context("no event")?,
    )?)
}

#[test]
fn a_cropped_and_padded_picture_passes_validation() -> Result<()> {
    let edges = [
        "--crop",
        "20,10,20,10",
        "--pad",
        "0,20,0,20",
        "--height",
        "120",
    ];
    let done = encode(Clip::WithAudio, &[&edges[..], &["--chunk", "50f"]].concat())?;
    ensure!(
        done["event"] == "finished" && done["frames"] == 150,
        "{done}"
    );
    ensure!(done["checks"].to_string().contains("same-frames"), "{done}");
    Ok(())
}

#[test]
fn a_deinterlaced_video_passes_validation_frame_by_frame() -> Result<()> {
    for (how, codec, frames) in [("frame", "avc", 90), ("field", "hevc", 180)] {
        let words = [
            "--deinterlace",
            how,
            "--codec",
            codec,
            "--chunk",
            "41f",
            "--height",
            "120",
        ];
        let done = encode(Clip::InterlacedMpegPs, &words)?;
        ensure!(
            done["event"] == "finished" && done["frames"] == frames,
            "{done}"
        );
        ensure!(done["checks"].to_string().contains("same-frames"), "{done}");
    }
    Ok(())
}

#[test]
fn a_video_at_another_rate_passes_validation_frame_by_frame() -> Result<()> {
    for (clip, rate, frames) in [(Clip::WithAudio, "24", 120), (Clip::Vfr, "50", 0)] {
        let done = encode(clip, &["--fps", rate, "--chunk", "41f"])?;
        let as_many = frames == 0 || done["frames"] == frames;
        ensure!(done["event"] == "finished" && as_many, "{done}");
        ensure!(done["checks"].to_string().contains("same-frames"), "{done}");
    }
    Ok(())
}

#[test]
fn what_hdr10_says_passes_validation() -> Result<()> {
    let done = encode(
        Clip::HighBitDepth,
        &["--codec", "hevc", "--content-light", "600,90"],
    )?;
    ensure!(
        done["event"] == "finished" && done["frames"] == 100,
        "{done}"
    );
    Ok(())
}

#[test]
fn edges_that_cannot_be_are_refused_all_at_once() -> Result<()> {
    let failed = encode(
        Clip::WithAudio,
        &["--crop", "1,0,400,0", "--pad", "0,1,0,1", "--dry-run"],
    )?;
    let causes = failed["errors"][0]["causes"]
        .as_array()
        .context("no causes")?;
    let fields: Vec<_> = causes
        .iter()
        .filter_map(|cause| cause["field"].as_str())
        .collect();
    ensure!(
        fields == ["recipe.crop.left", "recipe.crop", "recipe.padding.top"],
        "{failed}"
    );
    Ok(())
}
