use std::fs::{self, File};

use serde_json::Value;

use crate::talk::Desk;

/// A cache with one blob of three blocks, and an encode that was interrupted.
fn used() -> Desk {
    let desk = Desk::new();
    let state = desk.at("state/ves");
    let key = "0123456789abcdef0123456789abcdef";
    fs::create_dir_all(state.join("cache/sha256/ab")).unwrap();
    fs::write(state.join("cache/sha256/ab/cd"), [7; 12_288]).unwrap();
    fs::create_dir_all(state.join("jobs").join(key)).unwrap();
    let note = r#"{"input": "/films/a.mkv", "output": "/films/a.mp4", "began_unix_ms": 1}"#;
    fs::write(state.join(format!("jobs/{key}.json")), note).unwrap();
    desk
}

/// What `ves` says, without how long ago anything was.
fn say(desk: &Desk, words: &str) -> String {
    let said = desk.say(words);
    let lines = said.lines().map(|line| match line.split_once("begun ") {
        Some((before, after)) => {
            let after = after.split_once(" ago").unwrap().1;
            format!("{before}begun long ago{after}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

const FULL: &str = "\
folder      DESK/state/ves
chunks      12.0 KiB in 1 blob (kept up to 20.0 GiB)
remembered  0 results
unfinished  1 encode
  stopped, begun long ago: /films/a.mkv -> /films/a.mp4
exit 0
";

#[test]
fn what_is_kept_is_shown_and_nothing_is_made_by_looking() {
    assert_eq!(say(&used(), "cache show"), FULL);
    let desk = Desk::new();
    assert!(desk.say("cache show").contains("0 blobs"));
    assert!(!desk.at("state").exists());
}

#[test]
fn room_is_made_when_it_is_needed_and_what_relied_on_it_begins_anew() {
    let desk = used();
    assert_eq!(
        desk.say("cache trim --max-size 1M"),
        "nothing to remove\nexit 0\n"
    );
    assert_eq!(
        desk.say("cache trim --max-size 0"),
        "removed 1 blob, 12.0 KiB; 1 unfinished encode will begin anew\nexit 0\n"
    );
    assert!(say(&desk, "cache show").contains("unfinished  no encodes"));
}

#[test]
fn everything_goes_only_after_a_yes() {
    let desk = used();
    assert_eq!(
        desk.say("cache clear"),
        "\
error: --yes: removing everything needs a yes [NOT_CONFIRMED]
  help: add --yes where nobody can be asked
exit 2
"
    );
    assert_eq!(say(&desk, "cache show"), FULL);
    let output = desk.ves("cache clear --yes --json").output().unwrap();
    let removed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        removed,
        serde_json::json!({"blobs": 1, "bytes": 12_288, "memos": 0, "unfinished": 1})
    );
}

#[test]
fn nothing_goes_while_an_encode_runs() {
    let desk = used();
    let state = desk.at("state/ves");
    let running = File::create(state.join("lock")).unwrap();
    running.lock_shared().unwrap();
    let job = File::open(state.join("jobs/0123456789abcdef0123456789abcdef")).unwrap();
    job.lock().unwrap();
    let expected = "\
error: an encode runs (/films/a.mp4), and may need anything in the cache [CACHE_IN_USE]
  help: run this again when it has finished, or interrupt it; nothing was removed
exit 5
";
    assert_eq!(desk.say("cache trim --max-size 0"), expected);
    assert_eq!(desk.say("cache clear --yes"), expected);
    assert!(say(&desk, "cache show").contains("running, begun"));
    drop((running, job));
    assert!(desk.say("cache clear --yes").starts_with("removed 1 blob"));
}

#[test]
fn sizes_and_ages_are_explained() {
    let desk = used();
    let said = desk.say("cache trim --max-size 10gigs");
    assert!(said.contains("write 500M, 10G or 1T"), "{said}");
    let said = desk.say("cache trim --older-than yesterday");
    assert!(said.contains("write 30s, 90m, 12h, 7d or 2w"), "{said}");
}
