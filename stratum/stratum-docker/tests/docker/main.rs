//! One function in a real Docker engine: what it sees, what it may not, and how it ends.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

mod daemon;
mod image;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clock::SystemClock;
use stratum::{Function, Shape};
use stratum_docker::{Ended, Engine, Job};
use stratum_init::{Reason, Status};

struct Host {
    engine: Engine,
    image: String,
    directory: tempfile::TempDir,
    _daemon: daemon::Daemon,
}

impl Host {
    /// An engine with an image; nothing where there cannot be one.
    async fn new() -> Option<Self> {
        let daemon = daemon::Daemon::find_or_start()?;
        let owner = format!("test-{}", std::process::id());
        let engine = Engine::connect(daemon.socket(), &owner, Arc::new(SystemClock));
        let engine = engine.await.unwrap();
        Some(Self {
            image: engine.import(image::tar().into()).await.unwrap(),
            engine,
            directory: tempfile::tempdir().unwrap(),
            _daemon: daemon,
        })
    }

    fn work_dir(&self, name: &str) -> PathBuf {
        let work_dir = self.directory.path().join(name);
        for part in ["input", "output", "tmp"] {
            fs::create_dir_all(work_dir.join(part)).unwrap();
        }
        fs::write(work_dir.join("params.json"), "{\"crf\":23}").unwrap();
        fs::write(work_dir.join("input/source"), "media").unwrap();
        work_dir
    }

    /// Runs a shell script in a container of 64 MB.
    async fn run(&self, name: &str, script: &str, timeout: &str) -> (Ended, PathBuf) {
        let script = script
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "; ");
        let yaml = format!(
            "name: {name}\nversion: '1'\ntimeout: {timeout}\nenv: {{OWN: value}}\n\
             command: [/bin/dash, -e, -c, \"{script}\"]\n\
             shapes: [{{group: s, numCpus: 1, memoryInMB: 64}}]"
        );
        let function = Function::from_yaml(&yaml).unwrap();
        let work_dir = self.work_dir(name);
        let shape: &Shape = function.routing.choose(&Default::default()).unwrap();
        let job = Job {
            image: &self.image,
            function: &function,
            shape,
            work_dir: &work_dir,
            user: 65_534,
        };
        (self.engine.run(&job).await.unwrap(), work_dir)
    }
}

/// One test, so that one engine is started and one image imported.
#[tokio::test]
async fn functions_run_in_containers() {
    let Some(host) = Host::new().await else {
        return;
    };
    outputs_are_left_in_the_working_directory(&host).await;
    nothing_else_can_be_reached(&host).await;
    statuses_and_words_come_back(&host).await;
    limits_end_it_by_name(&host).await;
    assert_eq!(host.engine.sweep().await.unwrap(), 0);
    a_dropped_run_is_killed(&host).await;
}

async fn outputs_are_left_in_the_working_directory(host: &Host) {
    let script = "cat params.json input/source > output/seen\necho '{}' > output/result.json
echo $OWN $PWD > output/env\necho scratch > $TMPDIR/x";
    let (ended, work_dir) = host.run("good", script, "1m").await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(
        (ended.status, ended.reason),
        (Status::Code(0), Reason::Ended),
        "{said}"
    );
    let output = |name: &str| fs::read_to_string(work_dir.join("output").join(name)).unwrap();
    assert_eq!(output("seen"), "{\"crf\":23}media");
    assert_eq!(output("result.json"), "{}\n");
    assert_eq!(output("env"), "value /work\n");
}

async fn nothing_else_can_be_reached(host: &Host) {
    let script = "cat /proc/self/status > output/status\ncat /proc/net/dev > output/net
for file in /x input/source params.json; do if (echo x > $file) 2>/dev/null; then exit 9; fi; done";
    let (ended, work_dir) = host.run("confined", script, "1m").await;
    assert_eq!(ended.status, Status::Code(0), "{ended:?}");
    let status = fs::read_to_string(work_dir.join("output/status")).unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(field("Uid:"), "65534");
    assert_eq!(field("CapEff:"), "0000000000000000");
    assert_eq!(field("CapBnd:"), "0000000000000000");
    assert_eq!(
        (field("NoNewPrivs:"), field("Seccomp:")),
        ("1".into(), "2".into())
    );
    let net = fs::read_to_string(work_dir.join("output/net")).unwrap();
    let devices: Vec<_> = net.lines().skip(2).map(|line| line.trim()).collect();
    assert!(
        devices.iter().all(|device| device.starts_with("lo:")),
        "{net}"
    );
}

async fn statuses_and_words_come_back(host: &Host) {
    let (ended, _) = host
        .run("fails", "echo out\necho err >&2\nexit 3", "1m")
        .await;
    assert_eq!(
        (ended.status, ended.reason),
        (Status::Code(3), Reason::Ended)
    );
    assert_eq!(
        (&*ended.stdout, &*ended.stderr),
        (&b"out\n"[..], &b"err\n"[..])
    );
}

async fn limits_end_it_by_name(host: &Host) {
    let hungry = "cat /dev/zero | tail -c 200000000";
    let (ended, _) = host.run("hungry", hungry, "1m").await;
    assert_eq!(
        (ended.status, ended.reason),
        (Status::Signal(9), Reason::Memory)
    );
    let (ended, _) = host
        .run("endless", "while true; do sleep 1; done", "1s")
        .await;
    assert_eq!(
        (ended.status, ended.reason),
        (Status::Signal(9), Reason::WallTime)
    );
}

async fn a_dropped_run_is_killed(host: &Host) {
    let started = host.directory.path().join("dropped/output/started");
    let script = "echo > output/started\nwhile true; do sleep 1; done";
    tokio::select! {
        _ = host.run("dropped", script, "1h") => panic!("it is endless"),
        () = eventually(|| started.exists()) => {}
    }
    while host.engine.sweep().await.unwrap() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
