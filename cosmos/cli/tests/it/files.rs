//! Files that cannot be used, told before anything is begun.

use std::fs;

use serde_json::Value;

use crate::talk::Desk;

#[test]
fn every_problem_of_both_files_is_told_at_once() {
    let desk = Desk::new();
    assert_eq!(
        desk.say("encode no.mkv -o nowhere/out.mp4"),
        "\
error: IN: no.mkv does not exist [SOURCE_NOT_READABLE]
  help: check the name and the folder
error: --output: nowhere does not exist, and the output would lie in it [OUTPUT_FOLDER]
  help: create it first: mkdir -p nowhere
exit 2
"
    );
}

#[test]
fn every_problem_of_a_validation_is_told_at_once() {
    let desk = Desk::new();
    fs::write(desk.at("empty.mp4"), "").unwrap();
    assert_eq!(
        desk.say("validate empty.mp4 --source no.mkv"),
        "\
error: VIDEO: empty.mp4 is empty [SOURCE_EMPTY]
  help: name a file that was written to its end
error: --source: no.mkv does not exist [SOURCE_NOT_READABLE]
  help: check the name and the folder
exit 2
"
    );
    let said = desk.say("validate empty.mp4 --boundaries 0,30");
    assert!(
        said.contains("--source <FILE>") && said.ends_with("exit 2\n"),
        "{said}"
    );
}

#[test]
fn a_file_of_expectations_is_read_with_all_its_problems() {
    let desk = Desk::new();
    let file = "- frame_count: {frames: many}\n- clean_decode: {}\n- format: {codek: h264}\n";
    fs::write(desk.at("expect.yaml"), file).unwrap();
    let output = desk.vvs("validate no.mp4 --expect expect.yaml").output();
    let said = desk.seen(&output.unwrap());
    let all = [
        "error: VIDEO: no.mp4 does not exist [SOURCE_NOT_READABLE]",
        "error: expectations[0]: ",
        "error: expectations[2].format.codek: the contract knows no such name [UNKNOWN_FIELD]",
        "exit 2\n",
    ];
    for part in all {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let said = desk.vvs("validate no.mp4 --expect no.yaml --json").output();
    let said = desk.seen(&said.unwrap());
    assert!(said.contains("EXPECTATIONS_UNREADABLE"), "{said}");
}

#[test]
fn the_source_is_never_the_output() {
    let desk = Desk::new();
    fs::write(desk.at("in.mp4"), "film").unwrap();
    assert_eq!(
        desk.say("encode in.mp4 -o ./in.mp4 --overwrite"),
        "\
error: --output: ./in.mp4 is the source itself [OUTPUT_IS_SOURCE]
  help: choose another name; the source is never touched
exit 2
"
    );
    assert_eq!(fs::read(desk.at("in.mp4")).unwrap(), b"film");
}

#[test]
fn a_name_that_promises_another_container_is_refused() {
    let desk = Desk::new();
    fs::write(desk.at("in.mp4"), "film").unwrap();
    let expected = "\
error: --output: out.webm promises WebM, and Matroska is what is written [OUTPUT_EXTENSION]
  help: name it out.mkv
exit 2
";
    assert_eq!(
        desk.say("encode in.mp4 -o out.webm --container mkv"),
        expected
    );
    assert_eq!(
        desk.say("submit in.mp4 -o out.webm --container mkv"),
        expected
    );
}

#[test]
fn a_url_and_a_pipe_are_no_files() {
    let desk = Desk::new();
    assert_eq!(
        desk.say("probe https://example.org/film.mkv"),
        "\
error: IN: https://example.org/film.mkv is a URL, and only files are read here [SOURCE_NOT_A_FILE]
  help: `ves encode` reads http, https and s3; else download it first
exit 2
"
    );
    assert!(desk.say("encode - -o out.mp4").contains("standard input"));
}

#[test]
fn a_failure_in_json_is_one_event() {
    let desk = Desk::new();
    for words in [
        "encode no.mkv -o out.mp4 --json",
        "probe no.mkv --json",
        "validate no.mkv --json",
        "status 1 --json",
        "presets warp --json",
        "cache clear --json",
    ] {
        let state = desk.at("state/ves");
        fs::create_dir_all(state).unwrap();
        let output = desk.ves(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert_eq!(output.stderr, b"", "{words}");
        let event: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(event["event"], "failed", "{words}");
        let error = &event["errors"][0];
        for field in ["class", "code", "message", "hint"] {
            assert!(error[field].is_string(), "{words}: {field}");
        }
    }
}

#[test]
fn a_slip_of_the_pen_is_understood() {
    let desk = Desk::new();
    let said = desk.say("encod in.mp4");
    assert!(
        said.contains("a similar subcommand exists: 'encode'"),
        "{said}"
    );
    let said = desk.say("encode in.mp4 -o out.mp4 --chnk 5s");
    assert!(
        said.contains("'--chunk'") && said.ends_with("exit 2\n"),
        "{said}"
    );
}

#[test]
fn colour_is_not_for_pipes_unless_asked_for() {
    let desk = Desk::new();
    let plain = desk.say("presets warp");
    assert!(!plain.contains('\u{1b}'));
    let asked = desk.say("presets warp --color always");
    assert!(asked.contains("\u{1b}[1;31merror:\u{1b}[0m"), "{asked:?}");
    let never = desk.say("presets warp --color never");
    assert_eq!(never, plain);
}
