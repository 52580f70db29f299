//! Shapes, listed, explained and measured: `cosmos shapes`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::talk::Desk;

const FUNCTION: &str = "name: poster
version: 1.0.0
command: [/bin/true]
shapes: [{group: picture, numCpus: 2, memoryInMB: 500, diskSizeInMB: 100}]
routing:
  - {when: height > 1080, shape: cpu1-medium}
  - {shape: picture}
";

fn desk() -> Desk {
    let desk = Desk::new();
    let folder = desk.at("service/functions/poster");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("function.yaml"), FUNCTION).unwrap();
    let service = "name: posters\nfunctions: [functions/poster]\n";
    fs::write(desk.at("service/service.yaml"), service).unwrap();
    desk
}

fn said(desk: &Desk, words: &str) -> String {
    desk.seen(&desk.cosmos(words).output().unwrap())
}

#[test]
fn a_choice_is_explained_rule_by_rule() {
    let desk = desk();
    let poster = "shapes explain service/functions/poster";
    let tall = said(&desk, &format!("{poster} --attribute height=2160"));
    for part in [
        "poster 1.0.0",
        "shape    cpu1-medium: 1 processor, 2000 MB of memory (rule 1: height > 1080)",
        "outgrown cpu1-large, then cpu1-xlarge",
        "not asked",
        "exit 0",
    ] {
        assert!(tall.contains(part), "{part}: {tall}");
    }
    let json = desk.cosmos(&format!("{poster} --attribute height=720 --json"));
    let json = { json }.output().unwrap().stdout;
    let told: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (&told["shape"], &told["memory_mb"]),
        (&"picture".into(), &500.into())
    );
    assert_eq!(told["why"], "rule 2: always");
    assert_eq!(told["rules"][0]["holds"], false);
    assert_eq!(told["rules"][1]["holds"], true);
    assert_eq!(told["outgrown"], serde_json::json!([]));
    let declared = desk.at("service/functions/poster/function.yaml");
    fs::write(declared, FUNCTION.replace("  - {shape: picture}\n", "")).unwrap();
    let undecided = said(&desk, poster);
    assert!(undecided.contains("[NO_SHAPE]"), "{undecided}");
    assert!(undecided.ends_with("exit 2\n"), "{undecided}");
}

#[test]
fn shapes_are_listed_with_who_may_get_them() {
    let desk = desk();
    let output = desk.cosmos("shapes list --service service --json").output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let shapes: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |name: &str| {
        let shape = shapes.iter().find(|shape| shape["shape"] == name);
        shape.unwrap_or_else(|| panic!("{name}: {output}"))
    };
    assert_eq!(of("picture")["cpus"], 2);
    for name in ["picture", "cpu1-medium"] {
        let functions = of(name)["functions"].as_array().unwrap();
        assert!(functions.contains(&"poster".into()), "{name}: {output}");
    }
    let words = said(&desk, "shapes list --service service");
    assert!(
        words.contains("MEMORY MB") && words.contains("picture"),
        "{words}"
    );
}

/// Holds as many megabytes as its parameters say, for a while.
const HOARDER: &str = "name: hoarder
version: 1.0.0
command: [run.sh]
shapes: [{group: now, numCpus: 1, memoryInMB: 700, networkInMbp: 30, diskSizeInMB: 40}]
";
const HOARD: &str = "#!/bin/sh
set -eu
mb=$(sed 's/.*\"mb\":\\([0-9]*\\).*/\\1/' params.json)
held=$(head -c ${mb}000000 /dev/zero | tr '\\0' x)
sleep 0.4
echo \"{\\\"held\\\": ${#held}}\" > output/result.json
";
const SAMPLES: &str = "
- {name: small, input: [film], params: {mb: 1}, attributes: {height: 480}}
- {name: large, input: [film=film], params: {mb: 60}, attributes: {height: 2160}}
";

fn hoarder() -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.at("hoarder")).unwrap();
    fs::write(desk.at("hoarder/function.yaml"), HOARDER).unwrap();
    fs::write(desk.at("hoarder/run.sh"), HOARD).unwrap();
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(desk.at("hoarder/run.sh"), may_run).unwrap();
    fs::write(desk.at("samples.yaml"), SAMPLES).unwrap();
    fs::write(desk.at("film"), "x".repeat(1_000)).unwrap();
    desk
}

fn calibrate(desk: &Desk, more: &str) -> Command {
    let words = format!("shapes calibrate ./hoarder --cpus 1 --memory 32,300 {more}");
    let mut command = desk.cosmos(&words);
    command.env("COSMOS_INIT", corpus::init_binary().unwrap());
    command
}

#[test]
fn a_calibration_proposes_shapes_that_function_yaml_may_have() {
    let desk = hoarder();
    let words = "--samples samples.yaml --runs 1 --anyway --json -o shapes.yaml --plots plots";
    let output = calibrate(&desk, words).output().unwrap();
    assert!(output.status.success(), "{}", desk.seen(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let chosen = |n: usize| told["samples"][n]["shape"].as_str().unwrap();
    assert_eq!(
        (chosen(0), chosen(1)),
        ("cpu1-32mb", "cpu1-300mb"),
        "{told:#}"
    );
    let cells = told["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 4);
    let outgrew = cells.iter().filter(|cell| cell["outgrew"] == 1);
    let outgrew: Vec<_> = outgrew
        .map(|cell| (&cell["sample"], &cell["memory_mb"]))
        .collect();
    assert_eq!(outgrew, [(&"large".into(), &32.into())], "{told:#}");
    let peak = cells[3]["peak_memory_bytes"]["most"].as_u64().unwrap();
    assert!((60_000_000..300_000_000).contains(&peak), "{told:#}");
    assert!(
        cells[3]["wall_ms"]["median"].as_u64() >= Some(400),
        "{told:#}"
    );
    let yaml = fs::read_to_string(desk.at("shapes.yaml")).unwrap();
    assert_eq!(told["proposal"]["yaml"], yaml);
    let shape =
        "{group: cpu1-32mb, numCpus: 1, memoryInMB: 32, networkInMbp: 30, diskSizeInMB: 40}";
    assert!(
        yaml.contains(shape) && yaml.contains("# DOUBTFUL: "),
        "{yaml}"
    );
    let kept = HOARDER
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("shapes"));
    let declared = kept.collect::<String>() + &yaml;
    fs::write(desk.at("hoarder/function.yaml"), declared).unwrap();
    for (height, shape) in [(480, "cpu1-32mb"), (1_080, "cpu1-300mb")] {
        let explain = format!("shapes explain ./hoarder --attribute height={height}");
        let explained = said(&desk, &explain);
        assert!(
            explained.contains(&format!("shape    {shape}: ")),
            "{explained}"
        );
    }
    for plot in ["wall.svg", "cost.svg", "memory.svg"] {
        let svg = fs::read_to_string(desk.at("plots").join(plot)).unwrap();
        assert!(
            svg.starts_with("<svg ") && svg.contains("hoarder"),
            "{plot}"
        );
    }
}

#[test]
fn too_few_runs_propose_nothing_and_their_figures_are_told() {
    let desk = hoarder();
    let words = r#"--runs 1 --input film --params {"mb":1} --attribute height=480"#;
    let output = calibrate(&desk, words).output().unwrap();
    let said = desk.seen(&output);
    for part in [
        "hoarder 1.0.0 on ",
        "COST CPU S",
        "height=480",
        "nothing is proposed [UNSURE]",
        "1 runs, of at least 3 [TOO_FEW_RUNS]",
        "--anyway",
        "exit 5",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("routing:"), "{said}");
}

#[test]
fn what_fits_into_no_shape_is_not_measured() {
    let desk = hoarder();
    let words = r#"--input film --params {"mb":400}"#;
    let said = desk.seen(&calibrate(&desk, words).output().unwrap());
    for part in [
        "sample `sample` in cpu1-300mb",
        "[OUT_OF_MEMORY]",
        "try larger shapes",
        "exit 4",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn every_mistake_in_samples_is_told_at_once() {
    let desk = hoarder();
    let wrong = "
- {name: a, input: ['../x=film', none], range: 9..1}
- {name: a, attributes: {height: [1]}}
- {name: b, input: [none]}
";
    fs::write(desk.at("samples.yaml"), wrong).unwrap();
    fs::write(desk.at("taken.yaml"), "").unwrap();
    let words = "--samples samples.yaml -o taken.yaml --cpus 1000";
    let said = desk.seen(&calibrate(&desk, words).output().unwrap());
    for part in [
        "two samples are named `a`",
        "sample `a`: input `../x=film`",
        "sample `a`: range",
        "sample `a`: attribute `height`",
        "not 1000",
        "taken.yaml is there already",
        "exit 2",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let words = "--samples samples.yaml --input film";
    let said = desk.seen(&calibrate(&desk, words).output().unwrap());
    assert!(said.contains("cannot be used with"), "{said}");
    fs::write(desk.at("samples.yaml"), "- {name: a, inputs: [film]}").unwrap();
    let said = desk.seen(&calibrate(&desk, "--samples samples.yaml").output().unwrap());
    assert!(
        said.contains("inputs") && said.contains("[INVALID_SAMPLES]"),
        "{said}"
    );
}
