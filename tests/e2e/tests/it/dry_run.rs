//! `ves encode --dry-run`: tells exactly what the encode does, and does nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::terminal::ves;
use serde_json::Value;

/// Runs `ves encode` in the folder; its status, and its last event.
fn encode(folder: &Path, words: &[&str]) -> Result<(i32, Value)> {
    let source = corpus::clip(Clip::WithAudio)?.display().to_string();
    let words = [&["encode", &source, "-o", "out.mkv", "--json"][..], words].concat();
    let output = ves(folder, &words)?.output()?;
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().context("no event")?;
    Ok((
        output.status.code().unwrap_or(-1),
        serde_json::from_str(last)?,
    ))
}

#[test]
fn it_tells_what_is_then_done_and_leaves_nothing_behind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = [
        "--chunk",
        "60f",
        "--align",
        "fixed",
        "--preset",
        "ultrafast",
    ];
    let (status, planned) = encode(folder.path(), &[&settings[..], &["--dry-run"]].concat())?;
    ensure!(status == 0 && planned["event"] == "planned", "{planned}");
    ensure!(fs::read_dir(folder.path())?.next().is_none());
    let chunks = planned["chunks"].as_array().context("no chunks")?;
    let ends: Vec<_> = chunks.iter().filter_map(|c| c["end"].as_u64()).collect();
    ensure!(ends == [60, 120, 150] && planned["frames"] == 150);
    ensure!(planned["recipe"]["rateControl"]["crf"] == 23.0, "{planned}");
    ensure!(planned["encoder_args"].to_string().contains("ultrafast"));
    ensure!(planned["tracks"][0]["kept"] == true, "{planned}");
    let (status, finished) = encode(folder.path(), &settings)?;
    ensure!(status == 0, "{finished}");
    ensure!(finished["chunks_encoded"] == 3 && finished["frames"] == 150);
    let (status, failed) = encode(folder.path(), &["--dry-run", "--crf", "99"])?;
    let codes = failed["errors"].as_array().context("no errors")?;
    let codes: Vec<_> = codes.iter().filter_map(|e| e["code"].as_str()).collect();
    ensure!(
        status == 2 && codes == ["OUTPUT_EXISTS", "OUT_OF_RANGE"],
        "{failed}"
    );
    Ok(())
}
