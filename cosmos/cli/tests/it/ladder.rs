//! Ladders: what is wrong with one is told before anything is begun.

use std::fs;

use crate::talk::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    fs::write(desk.at("film.mp4"), "film").unwrap();
    fs::create_dir(desk.at("out")).unwrap();
    desk
}

#[test]
fn rungs_of_one_name_are_refused() {
    let desk = desk();
    let said = desk.say("encode film.mp4 -o out/{stem}-{codec}.{ext} --ladder stream-avc-av1");
    let all = [
        "out/film-av1.mp4 would be written twice: by rungs av1-1080p and av1-720p",
        "out/film-avc.mp4 would be written twice: by rungs avc-720p and avc-360p",
        "{stem}-{rung}.{ext}, or name a folder",
        "exit 2\n",
    ];
    for part in all {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let rung = desk.say("encode film.mp4 -o out/{rung}.mp4");
    assert!(rung.contains("UNKNOWN_PLACEHOLDER"), "{rung}");
}

#[test]
fn every_problem_of_a_file_and_its_rungs_is_told_at_once() {
    let desk = desk();
    let file = "
- name: a b
  recipe: {codec: {format: CODEC_FORMAT_AVC}, rate_control: {crf: 99}}
- name: low
  recipe: {resolution: {height: 7}}
";
    fs::write(desk.at("rungs.yaml"), file).unwrap();
    let told = [
        "error: ladder.rungs[0].name: ",
        "error: ladder.rungs[0].recipe.rate_control.crf: ",
        "error: ladder.rungs[1].recipe.codec.format: the codec is missing [MISSING]",
        "error: ladder.rungs[1].recipe.resolution.height: ",
        "exit 2\n",
    ];
    for command in ["encode film.mp4 -o out", "submit film.mp4 -o out"] {
        let said = desk.say(&format!("{command} --ladder rungs.yaml"));
        for part in told {
            assert!(said.contains(part), "no `{part}` in {said}");
        }
    }
    fs::write(desk.at("rungs.yaml"), "- {name: a, recpe: {}}").unwrap();
    let said = desk.say("encode film.mp4 out -o nowhere/{rung}.{ext} --ladder rungs.yaml");
    let told = [
        "ladder.rungs[0].recpe: the contract knows no such name [UNKNOWN_FIELD]",
        "[LADDER_OF_SEVERAL]",
    ];
    for part in told {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let said = desk.say("encode film.mp4 -o out --ladder best");
    assert!(
        said.contains("use one of: stream-avc, stream-hevc"),
        "{said}"
    );
    assert_eq!(fs::read_dir(desk.at("out")).unwrap().count(), 0);
}

#[test]
fn ladders_are_listed_with_their_rungs() {
    let desk = Desk::new();
    let all = desk.say("presets");
    assert!(all.contains("stream-avc  Plays everywhere"), "{all}");
    assert!(all.contains("1080p 720p 480p 360p"), "{all}");
    let one = desk.say("presets stream-avc");
    assert!(one.contains("rate_control.max_bitrate 3500000"), "{one}");
    assert!(one.contains("keyint=infinite:min-keyint=150"), "{one}");
}
