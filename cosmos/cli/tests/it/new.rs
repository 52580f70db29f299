//! A service to begin with: `cosmos new service`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::talk::Desk;

/// The repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// Every file below a folder, and whether it is a program; none that is built or locked.
fn files(folder: &Path) -> BTreeMap<String, (String, bool)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            match path.is_dir() {
                _ if ["target", "cosmos-data", "Cargo.lock"].contains(&name.as_str()) => {}
                true => todo.push(path),
                false => {
                    let mode = fs::metadata(&path).unwrap().permissions().mode();
                    let text = fs::read_to_string(&path).unwrap();
                    found.insert(name, (text, mode & 0o100 != 0));
                }
            }
        }
    }
    found
}

#[test]
fn the_example_is_what_is_made() {
    let desk = Desk::new();
    // A stranger's folder as deep below the repository as the example.
    for name in ["cosmos", "Cargo.lock"] {
        symlink(root().join(name), desk.at(name)).unwrap();
    }
    fs::create_dir(desk.at("examples")).unwrap();
    let mut command = desk.cosmos("new service shelf --cosmos ..");
    let said = desk.seen(&command.current_dir(desk.at("examples")).output().unwrap());
    assert!(said.contains("  cosmos up --service .\n"), "{said}");
    assert!(said.ends_with("exit 0\n"), "{said}");
    let made = files(&desk.at("examples/shelf"));
    let example = files(&root().join("examples/shelf"));
    let names = |files: &BTreeMap<String, _>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&example));
    for (name, file) in &example {
        assert_eq!(made[name], *file, "{name}");
    }
    let versions = fs::read(desk.at("examples/shelf/Cargo.lock")).unwrap();
    assert_eq!(versions, fs::read(root().join("Cargo.lock")).unwrap());
}

#[test]
fn a_graph_alone_has_nothing_of_rules_and_no_other_name() {
    let desk = Desk::new();
    let words = "new service my-titles --template graph --cosmos https://example.com/c.git --json";
    let output = desk.cosmos(words).output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["service"], "my-titles");
    assert_eq!(made["template"], "graph");
    let folder = fs::canonicalize(desk.at("my-titles")).unwrap();
    assert_eq!(made["folder"], folder.to_str().unwrap());
    let files = files(&folder);
    let told = made["files"].as_array().unwrap().iter();
    assert!(told.eq(files.keys()), "{made}");
    for (name, (text, _)) in &files {
        let text = text.to_lowercase();
        assert!(
            !text.contains("shelf") && !text.contains("rules"),
            "{name}: {text}"
        );
        assert!(!text.contains("../../"), "{name}: {text}");
    }
    let (manifest, _) = &files["Cargo.toml"];
    assert!(
        manifest.contains("plato = { git = \"https://example.com/c.git\" }\n"),
        "{manifest}"
    );
    assert!(files["src/main.rs"].0.contains("my_titles::definitions"));
}

#[test]
fn a_script_function_is_tested_by_its_script() {
    let desk = Desk::new();
    let said = desk.seen(
        &desk
            .cosmos("new service label --template script-function")
            .output()
            .unwrap(),
    );
    assert!(said.ends_with("exit 0\n"), "{said}");
    let tested = std::process::Command::new(desk.at("label/tests/run.sh"))
        .output()
        .unwrap();
    assert_eq!(desk.seen(&tested), "encode: ok\nexit 0\n");
    let broken = "#!/bin/sh\necho '{}' > output/result.json\n";
    fs::write(desk.at("label/functions/encode/encode.sh"), broken).unwrap();
    let tested = std::process::Command::new(desk.at("label/tests/run.sh"))
        .output()
        .unwrap();
    assert!(desk.seen(&tested).ends_with("exit 1\n"), "{tested:?}");
}

#[test]
fn a_dry_run_shows_the_tree_and_writes_nothing() {
    let desk = Desk::new();
    let words = "new service label --template script-function --dry-run";
    assert_eq!(
        desk.seen(&desk.cosmos(words).output().unwrap()),
        "\
label/
  README.md
  functions/
    encode/
      encode.sh
      function.yaml
  service.yaml
  tests/
    run.sh
exit 0
"
    );
    assert!(!desk.at("label").exists());
}

#[test]
fn everything_wrong_is_told_at_once_and_nothing_is_written() {
    let desk = Desk::new();
    fs::create_dir(desk.at("Mine")).unwrap();
    assert_eq!(
        desk.seen(&desk.cosmos("new service Mine").output().unwrap()),
        "\
error: NAME: `Mine` is no name of a service [INVALID_NAME]
  help: use a letter and up to 39 of a-z, 0-9 and -, such as `my-titles`
error: NAME: Mine is there already [FOLDER_EXISTS]
  help: choose another name, or go to another folder
error: --cosmos: the crates of Cosmos are not published; a service must be told where they are [NO_CRATES]
  help: add --cosmos FOLDER with a folder of Cosmos' repository, or --cosmos URL for Git
exit 2
"
    );
    let output = desk
        .cosmos("new service mine --cosmos . --json")
        .output()
        .unwrap();
    let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(failed["event"], "failed");
    assert_eq!(failed["errors"][0]["code"], "NO_CRATES");
    assert!(fs::read_dir(desk.at("")).unwrap().count() == 1);
}
