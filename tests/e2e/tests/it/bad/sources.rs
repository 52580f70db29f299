//! Sources that are not what they should be.

use std::fs;

use anyhow::Result;
use corpus::Clip;
use e2e::talk::Talk;

/// Says `encode NAME -o out.mp4` and demands that it is refused so.
fn refused(talk: &Talk, name: &str, status: i32, words: &[&str]) -> Result<()> {
    let before = fs::read(talk.at(name)).ok();
    let answer = talk.say(&["encode", name, "-o", "out.mp4", "--preset", "ultrafast"])?;
    answer.is(status, words)?;
    assert_eq!(before, fs::read(talk.at(name)).ok(), "the source changed");
    talk.nothing_left("out.mp4")
}

#[test]
fn what_is_not_there() -> Result<()> {
    let talk = Talk::new("source-missing")?;
    refused(&talk, "film.mp4", 2, &["film.mp4 does not exist", "help:"])?;
    fs::create_dir(talk.at("folder.mp4"))?;
    let answer = talk.say(&["encode", "folder.mp4", "-o", "out.mp4"])?;
    answer.is(2, &["folder.mp4 holds no video files", "NO_VIDEOS"])
}

#[test]
fn what_is_empty() -> Result<()> {
    let talk = Talk::new("source-empty")?;
    fs::write(talk.at("film.mp4"), "")?;
    refused(&talk, "film.mp4", 2, &["is empty", "SOURCE_EMPTY", "help:"])
}

#[test]
fn what_is_no_media() -> Result<()> {
    let talk = Talk::new("source-not-media")?;
    fs::write(talk.at("film.mp4"), "To be, or not to be\n".repeat(500))?;
    let words = ["UNREADABLE_SOURCE", "Invalid data", "help:"];
    refused(&talk, "film.mp4", 3, &words)
}

#[test]
fn what_has_no_pictures() -> Result<()> {
    let talk = Talk::new("source-audio-only")?;
    let song = talk.at("song.mp4").display().to_string();
    let words = "-v error -f lavfi -i sine=d=2 -c:a aac";
    corpus::run("ffmpeg", words.split(' ').chain([&*song]))?;
    let words = ["there is no video track", "UNREADABLE_SOURCE"];
    refused(&talk, "song.mp4", 3, &words)
}

#[test]
fn what_ends_too_soon() -> Result<()> {
    let talk = Talk::new("source-truncated")?;
    talk.put(Clip::Truncated, "film.mp4")?;
    let words = [
        "DAMAGED_SOURCE",
        "its header announces 150 frames",
        "--conceal",
    ];
    refused(&talk, "film.mp4", 3, &words)?;
    let conceal = [
        "encode",
        "film.mp4",
        "-o",
        "out.mp4",
        "--preset",
        "ultrafast",
        "--conceal",
    ];
    talk.say(&conceal)?
        .is(0, &["its header announces 150 frames"])?;
    let decoded = corpus::frames(&talk.at("film.mp4"))?.len();
    assert_eq!(decoded, corpus::frames(&talk.at("out.mp4"))?.len());
    Ok(())
}

#[test]
fn what_points_elsewhere() -> Result<()> {
    let talk = Talk::new("source-points-elsewhere")?;
    talk.put(Clip::Tiny(3), "secret.mp4")?;
    let secret = talk.at("secret.mp4");
    let lists = [
        format!("ffconcat version 1.0\nfile '{}'\n", secret.display()),
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{}\n",
            secret.display()
        ),
    ];
    for (list, name) in lists.iter().zip(["film.ffconcat", "film.m3u8"]) {
        fs::write(talk.at(name), list)?;
        let words = ["UNREADABLE_SOURCE", "point to other files", "help:"];
        refused(&talk, name, 3, &words)?;
    }
    Ok(())
}

#[test]
fn names_and_tags_that_would_rather_be_commands() -> Result<()> {
    let talk = Talk::new("source-hostile-names")?;
    let name = "-i '$(touch pwned)' #%2e%\u{1b}[31m\nfilm.mp4";
    let clip = corpus::clip(Clip::Tiny(2))?.display().to_string();
    let title = "title=\u{1b}]0;pwned\u{7}$(touch pwned)";
    let copy = ["-v", "error", "-i", &clip, "-c", "copy", "-metadata", title];
    let tagged = talk.at("tagged.mp4").display().to_string();
    corpus::run("ffmpeg", copy.into_iter().chain([&*tagged]))?;
    fs::rename(&tagged, talk.at(name))?;
    let answer = talk.say(&["encode", "--output=-out.mp4", "--", name])?;
    answer.is(0, &["2 frames"])?;
    assert!(!answer.said.contains('\u{1b}') && !answer.said.contains('\u{7}'));
    assert!(talk.at("-out.mp4").exists() && !talk.at("pwned").exists());
    let missing = talk.say(&["encode", "no\u{1b}[2Jfilm.mp4", "-o", "out.mp4"])?;
    assert!(!missing.said.contains('\u{1b}'), "{missing:?}");
    missing.is(2, &["film.mp4"])
}
