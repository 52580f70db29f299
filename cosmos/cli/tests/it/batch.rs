//! Several files in one command: what is wrong is told before anything is encoded.

use std::fs;

use crate::talk::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.at("films/old")).unwrap();
    fs::create_dir(desk.at("out")).unwrap();
    for name in [
        "films/a.mp4",
        "films/a.mkv",
        "films/old/b.mov",
        "films/notes.txt",
    ] {
        fs::write(desk.at(name), "film").unwrap();
    }
    desk
}

#[test]
fn two_outputs_of_one_name_are_refused() {
    let desk = desk();
    let expected = "\
error: --output: out/a.mp4 would be written twice: from films/a.mkv and from films/a.mp4 \
        [OUTPUT_TWICE]
  help: let the name tell them apart, by {dir}, or encode them one after the other
exit 2
";
    assert_eq!(desk.say("encode films -o out/"), expected);
    let said = desk.say("encode films/a.mp4 films/old/b.mov -o all.mp4");
    let all = [
        "all.mp4 would be written twice: from films/a.mp4 and from films/old/b.mov",
        "name: {stem}.{ext}, or name a folder",
    ];
    for part in all {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert_eq!(fs::read_dir(desk.at("out")).unwrap().count(), 0);
}

#[test]
fn every_problem_of_all_files_and_the_recipe_is_told_at_once() {
    let desk = desk();
    let said = desk.say("encode no.mp4 films/a.mp4 films/old -o out/{stem}.mp4 --crf 99");
    for part in ["IN: no.mp4 does not exist", "--crf: ", "exit 2\n"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let said = desk.say("encode films/a.mp4 -o nowhere/{stem}.mp4");
    assert!(said.contains("nowhere does not exist"), "{said}");
    let said = desk.say("encode films/a.mp4 out -o {name}.mp4");
    for part in [
        "UNKNOWN_PLACEHOLDER",
        "{name}",
        "{stem}, {dir}, {codec}, {ext}",
        "NO_VIDEOS",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
}

#[test]
fn a_source_is_never_the_output_of_another() {
    let desk = desk();
    let said = desk.say("encode films/a.mkv films/a.mp4 -o films/ --container mkv --overwrite");
    assert!(said.contains("[OUTPUT_IS_SOURCE]"), "{said}");
    assert_eq!(fs::read(desk.at("films/a.mkv")).unwrap(), b"film");
}
