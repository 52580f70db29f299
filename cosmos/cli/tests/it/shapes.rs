//! Shapes, listed and explained: `cosmos shapes`.

use std::fs;

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
