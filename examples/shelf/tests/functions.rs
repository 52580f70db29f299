//! What the functions do, run by hand as they are in their sandbox.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_encoder_tells_what_it_was_asked_for() {
    let desk = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode");
    fs::create_dir_all(desk.join("output")).expect("a folder");
    fs::write(desk.join("params.json"), r#"{"source": "a.mov"}"#).expect("parameters");
    let function = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions/encode/encode.sh");
    let status = Command::new(function).current_dir(&desk).status();
    assert!(status.expect("a program").success());
    let result = fs::read(desk.join("output/result.json")).expect("a result");
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["asked"]["source"], "a.mov");
}
