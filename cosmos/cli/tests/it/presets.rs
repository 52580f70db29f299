use serde_json::Value;

use crate::talk::Desk;

#[test]
fn presets_are_listed_and_found_by_name() {
    let desk = Desk::new();
    let all = desk.say("presets");
    let told = [
        "web-720p-av1",
        "rate_control.crf 35",
        "Encoder presets",
        "--preset",
        "veryslow",
    ];
    for name in told {
        assert!(all.contains(name), "{name}: {all}");
    }
    assert_eq!(
        desk.say("presets warp"),
        "\
error: NAME: nothing is called \"warp\" [UNKNOWN_PRESET]
  help: `ves presets` lists everything
exit 2
"
    );
}

#[test]
fn as_json_they_are_one_document() {
    let desk = Desk::new();
    let output = desk.ves("presets medium --json").output().unwrap();
    let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listing["presets"], Value::Array(vec![]));
    let settings = listing["encoder_settings"].as_array().unwrap();
    assert!(!settings.is_empty());
    for setting in settings {
        assert!(
            setting["names"]
                .as_array()
                .unwrap()
                .contains(&"medium".into())
        );
        assert!(setting["argument"].is_string() && setting["encoder"].is_string());
    }
}
