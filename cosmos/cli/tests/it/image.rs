//! Functions as images: `cosmos function build`, `push`, and `run` of what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use corpus::{Daemon, ImageRegistry};
use serde_json::Value;
use stratum_docker::Engine;
use stratum_init::Init;

use crate::talk::Desk;

const YAML: &str = "name: greet\nversion: 1.0.0\ncommand: [greet.sh]\n";
const SCRIPT: &str =
    "#!/bin/sh\ncat params.json > output/seen.json\ncat /etc/greeting > output/greeting\n";

/// `cosmos function` with these words, at an engine; as JSON, and the exit status.
fn cosmos(desk: &Desk, engine: &Daemon, words: &str) -> (Value, i32) {
    let mut command = desk.cosmos(&format!("function {words} --json"));
    command.args(["--docker", engine.socket()]);
    command.env("COSMOS_INIT", corpus::init_binary().unwrap());
    let output = command.output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|error| panic!("{words}: {error}: {output:?}"));
    (told, output.status.code().unwrap())
}

fn declare(desk: &Desk, more: &str) {
    fs::create_dir_all(desk.at("greet")).unwrap();
    fs::write(desk.at("greet/function.yaml"), format!("{YAML}{more}\n")).unwrap();
    let program = desk.at("greet/greet.sh");
    fs::write(&program, SCRIPT).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An image with a shell, by its id.
fn base(engine: &Daemon) -> String {
    let greeting = ("etc/greeting".to_owned(), "from the image\n".to_owned());
    let files = BTreeMap::from([greeting]);
    let archive = corpus::root_archive(&["/bin/sh", "/bin/cat"], &files).unwrap();
    let init = Init::at(corpus::init_binary().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(clock::SystemClock);
        let engine = Engine::connect(engine.socket(), "test", &init, clock).await;
        engine.unwrap().import(archive.into()).await.unwrap()
    })
}

fn code(told: &Value) -> &Value {
    &told["errors"][0]["code"]
}

/// One test, so that as few engines as it takes are started.
#[test]
fn a_function_is_built_pushed_pulled_and_run() {
    let what = "images of functions";
    let Some(engine) = Daemon::find_or_start(what) else {
        return;
    };
    let desk = Desk::new();
    mistakes_are_told(&desk, &engine);
    declare(&desk, &format!("base: {}", base(&engine)));
    let (built, status) = cosmos(&desk, &engine, "build greet");
    assert_eq!(status, 0, "{built:#}");
    assert_eq!(built["tag"], "greet:1.0.0");
    let (again, _) = cosmos(&desk, &engine, "build greet");
    assert_eq!(built, again, "the same folder is the same image");
    runs(&desk, &engine, &built);

    let Some(registry) = ImageRegistry::start(what) else {
        return;
    };
    let push = format!("push greet --registry {}/video", registry.address());
    let (pushed, status) = cosmos(&desk, &engine, &push);
    assert_eq!(status, 0, "{pushed:#}");
    let repository = format!("{}/video/greet", registry.address());
    assert_eq!(pushed["tag"], format!("{repository}:1.0.0"));
    let image = pushed["image"].as_str().unwrap();
    assert!(
        image.starts_with(&format!("{repository}@sha256:")),
        "{image}"
    );
    // Another host has never seen it: what it runs was pulled, and has that digest.
    if let Some(other) = Daemon::another(what) {
        runs(&desk, &other, &pushed);
    }
}

/// What `image` names does what the script says.
fn runs(desk: &Desk, engine: &Daemon, made: &Value) {
    let image = made["image"].as_str().unwrap();
    declare(desk, &format!("image: {image}"));
    let (ran, status) = cosmos(desk, engine, "run ./greet --params {\"a\":1} -o made");
    assert_eq!(status, 0, "{ran:#}");
    assert_eq!(
        (&ran["outcome"], &ran["image"]),
        (&"succeeded".into(), &image.into())
    );
    let read = |name: &str| fs::read_to_string(desk.at("made").join(name)).unwrap();
    assert_eq!(read("seen.json"), "{\"a\":1}");
    assert_eq!(read("greeting"), "from the image\n");
    fs::remove_dir_all(desk.at("made")).unwrap();
}

fn mistakes_are_told(desk: &Desk, engine: &Daemon) {
    declare(desk, "");
    let (told, status) = cosmos(desk, engine, "build greet");
    assert_eq!((code(&told), status), (&"NO_BASE".into(), 2));
    let (told, status) = cosmos(desk, engine, "build nowhere");
    assert_eq!((code(&told), status), (&"FUNCTION_UNUSABLE".into(), 2));
    declare(desk, "base: scratch");
    fs::write(desk.at("greet/Dockerfile"), "FROM scratch\nNONSENSE\n").unwrap();
    let (told, status) = cosmos(desk, engine, "build greet");
    assert_eq!((code(&told), status), (&"BUILD_FAILED".into(), 2));
    fs::remove_file(desk.at("greet/Dockerfile")).unwrap();
    let yaml = format!("{YAML}base: scratch\n").replace("greet\n", "never-built\n");
    fs::write(desk.at("greet/function.yaml"), yaml).unwrap();
    let (told, status) = cosmos(desk, engine, "push greet --registry 127.0.0.1:1");
    assert_eq!((code(&told), status), (&"NOT_BUILT".into(), 2));
    let nobody = "build greet --docker /nonexistent/docker.sock --json";
    let output = desk.cosmos(&format!("function {nobody}")).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&told), "NO_ENGINE");
}
