//! Functions, tried and listed: `cosmos function`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::queue::world::{World, message};
use crate::talk::Desk;

/// The manual of functions, whose examples must run as they stand.
const MANUAL: &str = include_str!("../../../../stratum/FUNCTIONS.md");

/// `cosmos` with these words, which finds `cosmos-init`.
fn cosmos(desk: &Desk, words: &[&str]) -> Command {
    let mut command = desk.cosmos("function run");
    command.env("COSMOS_INIT", corpus::init_binary().unwrap());
    command.args(words);
    command
}

fn said(desk: &Desk, words: &[&str]) -> String {
    desk.seen(&cosmos(desk, words).output().unwrap())
}

fn json(desk: &Desk, words: &[&str]) -> Value {
    let output = cosmos(desk, words).arg("--json").output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    report.unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn write(desk: &Desk, name: &str, text: &str) {
    let path = desk.at(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A function that is a shell script; `more` are further lines of its `function.yaml`.
fn script(desk: &Desk, name: &str, more: &str, script: &str) {
    let yaml = format!("name: {name}\nversion: '1'\ncommand: [run.sh]\n{more}\n");
    write(desk, &format!("{name}/function.yaml"), &yaml);
    let text = format!("#!/bin/sh\nset -e\n{script}\n");
    write(desk, &format!("{name}/run.sh"), &text);
}

/// Every file of the manual: its name alone on a line, then its text.
fn from_the_manual(desk: &Desk) {
    let mut lines = MANUAL.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix('`').and_then(|l| l.strip_suffix('`'));
        let Some(name) = name.filter(|name| name.contains('/')) else {
            continue;
        };
        let text = lines.by_ref().skip_while(|line| !line.starts_with("```"));
        let text: Vec<_> = text.skip(1).take_while(|line| *line != "```").collect();
        write(desk, name, &(text.join("\n") + "\n"));
    }
}

/// A desk with the functions of the manual and a video; nothing where there is no ffmpeg.
fn desk_of_the_manual() -> Option<Desk> {
    if !corpus::have("ffmpeg") {
        corpus::skip("functions of the manual", "there is no ffmpeg");
        return None;
    }
    let desk = Desk::new();
    from_the_manual(&desk);
    let clip = corpus::clip(corpus::Clip::Plain).unwrap();
    fs::copy(clip, desk.at("film.mov")).unwrap();
    Some(desk)
}

#[test]
fn the_script_of_the_manual_runs_as_it_stands() {
    let Some(desk) = desk_of_the_manual() else {
        return;
    };
    let words = ["./poster", "--input", "source=film.mov"];
    let made = ["--params", r#"{"width": 64}"#, "-o", "made"];
    let said = said(&desk, &[&words[..], &made].concat());
    for part in [
        "poster 1.0.0 succeeded",
        "shape    picture: 1 processor, 500 MB of memory (rule 2: always)",
        "of processor in ",
        r#"result   {"width": 64}"#,
        "poster.png",
        "made/poster.png",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.ends_with("exit 0\n"), "{said}");
    let png = fs::read(desk.at("made/poster.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn the_program_of_the_manual_reads_exactly_its_frames() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        return corpus::skip("the function in Python", "there is no /usr/bin/python3");
    }
    let Some(desk) = desk_of_the_manual() else {
        return;
    };
    let words = ["./brightness", "--input", "film.mov", "--range", "10..22"];
    let report = json(&desk, &words);
    assert_eq!(report["outcome"], "succeeded", "{report:#}");
    assert_eq!(report["result"]["frames"], 12);
    let brightest = report["result"]["brightest"].as_u64().unwrap();
    assert!((10..22).contains(&brightest), "{report:#}");
    assert_eq!(report["outputs"][0]["name"], "means.json");
    assert_eq!(report["outputs"][0]["content_type"], "application/json");
    assert!(report["usage"]["decode_cpu_ms"].is_u64());
    let refused = json(
        &desk,
        &[&words[..3], &["--pixel-format", "yuv444p"]].concat(),
    );
    assert_eq!(
        refused["error"]["code"], "UNSUPPORTED_FORMAT",
        "{refused:#}"
    );
    assert_eq!(refused["error"]["class"], "user");
}

#[test]
fn the_line_of_the_manual_encodes_the_pictures_of_a_mezzanine() {
    let Some(desk) = desk_of_the_manual() else {
        return;
    };
    let film = corpus::clip(corpus::Clip::J2kMxf).unwrap();
    fs::copy(film, desk.at("film.mxf")).unwrap();
    let words = "./mezzanine --input film.mxf --range 0..12 -o made";
    let words: Vec<_> = words.split(' ').collect();
    let report = json(&desk, &words);
    assert_eq!(report["outcome"], "succeeded", "{report:#}");
    let encoded = corpus::frames(&desk.at("made/encoding.264")).unwrap();
    assert_eq!(encoded.len(), 12);
}

#[test]
fn a_failure_is_told_with_what_it_said_and_what_would_follow() {
    let desk = Desk::new();
    let told = r#"{"class":"source","code":"TRUNCATED","message":"only 3 frames"}"#;
    let tells = format!("echo working >&2\necho '{told}' > output/error.json\nexit 3");
    script(&desk, "tells", "", &tells);
    let said = said(&desk, &["./tells"]);
    for part in [
        "tells 1 failed",
        "no rules: the first of its shapes",
        "then     the source is to blame: a workflow does not try it again",
        "working",
        "error: only 3 frames [TRUNCATED]",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.ends_with("exit 3\n"), "{said}");
    let output = cosmos(&desk, &["./tells", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["error"]["code"], "TRUNCATED");
    assert!(report["log"].as_str().unwrap().contains("working"));
    assert!(report.get("result").is_none());
}

#[test]
fn what_outgrows_its_shape_is_told_the_next() {
    let desk = Desk::new();
    let shapes = "shapes:
  - {group: tiny, numCpus: 1, memoryInMB: 32}
  - {group: less-tiny, numCpus: 1, memoryInMB: 64}";
    let hungry = "head -c 400000000 /dev/zero | tail -c 300000000 > /dev/null";
    script(&desk, "hungry", shapes, hungry);
    let report = json(&desk, &["./hungry"]);
    assert_eq!(report["error"]["code"], "OUT_OF_MEMORY", "{report:#}");
    let then = report["then"].as_str().unwrap();
    assert!(then.contains("again in `less-tiny`, with 64 MB"), "{then}");
}

#[test]
fn the_function_sees_what_it_was_given_and_nothing_else() {
    let desk = Desk::new();
    let looks = "cat params.json input/a.txt input/deep/b > output/seen
! cat $SECRET 2> /dev/null
! (echo x > input/a.txt) 2> /dev/null
! (echo x > /tmp/cosmos-escaped) 2> /dev/null
echo $HOME $COSMOS_CPUS $NOBODY > output/env";
    let secret = desk.at("secret").display().to_string();
    script(
        &desk,
        "looks",
        &format!("env: {{SECRET: '{secret}'}}"),
        looks,
    );
    fs::write(desk.at("secret"), "secret").unwrap();
    fs::write(desk.at("a.txt"), " one ").unwrap();
    fs::write(desk.at("c"), "two").unwrap();
    let words = ["./looks", "--input", "a.txt", "--input", "deep/b=c"];
    let more = ["--params", r#"{"b": 1, "a": 2}"#, "-o", "made"];
    let mut command = cosmos(&desk, &[&words[..], &more].concat());
    let said = desk.seen(&command.env("NOBODY", "leaks").output().unwrap());
    assert!(said.ends_with("exit 0\n"), "{said}");
    let seen = fs::read_to_string(desk.at("made/seen")).unwrap();
    assert_eq!(seen, r#"{"a":2,"b":1} one two"#);
    let env = fs::read_to_string(desk.at("made/env")).unwrap();
    assert!(env.ends_with("/work/tmp 1\n"), "{env}");
}

#[test]
fn a_rule_that_holds_gives_its_shape() {
    let desk = Desk::new();
    let rules = "routing:
  - {when: height > 1080, shape: cpu1-large}
  - {when: codec == \"avc\", shape: cpu1-medium}";
    script(&desk, "routed", rules, "echo '{}' > output/elements.ndjson");
    let large = json(&desk, &["./routed", "--attribute", "height=2160"]);
    assert_eq!(large["shape"]["group"], "cpu1-large", "{large:#}");
    assert_eq!(large["why"], "rule 1: height > 1080");
    assert_eq!(large["elements"], 1);
    let said = said(&desk, &["./routed", "--attribute", "height=720"]);
    assert!(said.contains("no routing rule matches"), "{said}");
    assert!(said.ends_with("exit 2\n"), "{said}");
}

/// A service with a function, as a folder of the desk.
fn shop(desk: &Desk) {
    let yaml = "name: shop-label\nversion: 2.1.0\ncommand: [run.sh]\n";
    write(desk, "shop/label/function.yaml", yaml);
    let program = "#!/bin/sh\necho '{\"ok\":true}' > output/result.json\n";
    write(desk, "shop/label/run.sh", program);
    write(
        desk,
        "shop/service.yaml",
        "name: shop\nfunctions: [label]\n",
    );
}

#[test]
fn a_function_of_a_service_is_found_by_its_name() {
    let desk = Desk::new();
    shop(&desk);
    let report = json(&desk, &["shop-label", "--service", "shop"]);
    assert_eq!(report["function"], "shop-label", "{report:#}");
    assert_eq!(report["version"], "2.1.0");
    assert_eq!(report["result"]["ok"], true);
}

/// The line of the function of [`shop`], in words.
fn listed(desk: &Desk, words: &str) -> Vec<String> {
    let list = format!("function list --service shop {words}");
    let said = desk.seen(&desk.cosmos(&list).output().unwrap());
    assert!(said.ends_with("exit 0\n"), "{said}");
    let line = said.lines().find(|line| line.starts_with("shop-label"));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn functions_are_listed_with_what_is_in_their_queues() {
    let world = World::new();
    shop(&world.desk);
    let queue = "stratum/shop-label";
    world.enqueue(["1", "2", "3"].map(|id| message(queue, id, 0)).into());
    let leased = world.lease(queue, 2);
    world.fail(&leased[..1]);
    // Where no API answers.
    let server = format!("--server {} --api http://127.0.0.1:9", world.url);
    let line = listed(&world.desk, &server);
    assert_eq!(
        line,
        [
            "shop-label",
            "2.1.0",
            "file",
            "?",
            "cpu1-small",
            "1",
            "1",
            "1"
        ]
    );
    let list = format!("function list --service shop --json {server}");
    let output = world.desk.cosmos(&list).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let shop: Vec<_> = lines
        .filter(|line| line["function"] == "shop-label")
        .collect();
    assert_eq!(shop.len(), 1, "{text}");
    assert_eq!(shop[0]["queue"]["errored"], 1);
    assert!(shop[0]["package"].as_str().unwrap().starts_with("sha256/"));
}

#[test]
fn functions_are_listed_with_what_their_channels_name() {
    let world = World::new();
    shop(&world.desk);
    let servers = format!("--server {0} --api {0}", world.url);
    let beginning = listed(&world.desk, &servers);
    assert_eq!(
        beginning[3], "cpu1-small",
        "nothing is published: {beginning:?}"
    );
    world.publish("shop/label", "stable", 0);
    let newer = "name: shop-label\nversion: 2.2.0\ncommand: [run.sh]\n";
    write(&world.desk, "shop/label/function.yaml", newer);
    world.publish("shop/label", "canary", 10);
    let line = listed(&world.desk, &servers).join(" ");
    let expected = "shop-label 2.2.0 file canary 10 % 2.2.0, stable 2.1.0 cpu1-small 0 0 0";
    assert_eq!(line, expected);
    let list = format!("function list --service shop --json {servers}");
    let output = world.desk.cosmos(&list).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let shop = lines.find(|line| line["function"] == "shop-label").unwrap();
    let published = &shop["published"];
    assert_eq!(
        published["versions"].as_array().unwrap().len(),
        2,
        "{shop:#}"
    );
    assert_eq!(published["channels"][0]["channel"], "canary");
    assert_eq!(published["channels"][0]["digest"], shop["package"]);
    assert_eq!(published["channels"][1]["channel"], "stable");
}

#[test]
fn without_a_server_functions_are_listed_without_counts() {
    let desk = Desk::new();
    shop(&desk);
    let line = listed(
        &desk,
        "--server http://127.0.0.1:9 --api http://127.0.0.1:9",
    );
    assert_eq!(line[3..], ["?", "cpu1-small", "?", "?", "?"]);
    let said = desk
        .cosmos("function list --service none")
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(2), "{said:?}");
}

#[test]
fn what_is_wrong_is_told_at_once_with_its_place() {
    let desk = Desk::new();
    script(&desk, "plain", "", "true");
    script(&desk, "streams", "input: stream", "true");
    write(&desk, "full/file", "");
    for (words, parts) in [
        (
            "./plain -i none.mov -i full --range 0..9 -o full",
            &[
                "--input: none.mov cannot be read",
                "--input: full is not a file",
                "--range, --pixel-format: the function reads whole files",
                "--output: full is not empty",
            ][..],
        ),
        ("./streams", &["--input: the function reads frames"]),
        (
            "./absent",
            &["FUNCTION: cannot read", "absent/function.yaml"],
        ),
        ("./plain --params [1]", &["parameters are a JSON object"]),
        ("./plain --attribute x", &["write NAME=VALUE"]),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        let said = said(&desk, &words);
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.ends_with("exit 2\n"), "{said}");
    }
}

#[test]
fn nothing_is_left_behind() {
    let desk = Desk::new();
    script(&desk, "plain", "", "echo x > output/x; sleep 1000 &");
    fs::create_dir(desk.at("tmp")).unwrap();
    let mut command = cosmos(&desk, &["./plain"]);
    let output = command.env("TMPDIR", desk.at("tmp")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(desk.at("tmp")).unwrap().count(), 0);
}

#[test]
fn versions_are_published_where_a_server_answers() {
    let desk = Desk::new();
    let said = |words: &str| desk.seen(&desk.cosmos(words).output().unwrap());
    let told = said("function publish poster --percent 10");
    assert!(told.contains("--channel <NAME>"), "{told}");
    let told = said("function promote poster 1.1.0 --channel canary --percent 101");
    assert!(told.contains("101 is not in 0..=100"), "{told}");
    let told = said("function versions");
    assert!(
        told.contains("[TOKEN_UNUSABLE]") && told.ends_with("exit 2\n"),
        "{told}"
    );

    fs::create_dir(desk.at("cosmos-data")).unwrap();
    let token = desk.at("cosmos-data/token");
    fs::write(&token, "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::set_permissions(token, fs::Permissions::from_mode(0o600)).unwrap();
    // Bound once, so that nobody else is there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", address.local_addr().unwrap());
    drop(address);
    for words in ["versions", "promote a 1", "rollback a", "remove a 1"] {
        let told = said(&format!("function {words} --server {url}"));
        let expected = format!("error: --server: no server answers at {url}: ");
        assert!(
            told.starts_with(&expected) && told.ends_with("exit 5\n"),
            "{words}: {told}"
        );
    }
}
