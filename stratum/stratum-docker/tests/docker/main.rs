//! One command in a real Docker engine: what it sees, what it may not, and how it ends.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use stratum_docker::Engine;
use stratum_init::{
    Container, Containers, Error, Exit, Init, Limits, Output, Reason, Running, Sandbox, Spec,
    Status,
};

const PROGRAMS: [&str; 4] = ["/bin/dash", "/bin/cat", "/usr/bin/tail", "/bin/sleep"];
const MEMORY: u64 = 64_000_000;

struct Host {
    engine: Engine,
    image: String,
    directory: tempfile::TempDir,
    _daemon: corpus::Daemon,
}

impl Host {
    /// An engine with an image; nothing where there cannot be one.
    async fn new() -> Option<Self> {
        let daemon = corpus::Daemon::find_or_start("commands in Docker containers")?;
        let owner = format!("test-{}", std::process::id());
        let init = Init::at(corpus::init_binary().unwrap());
        let engine = Engine::connect(daemon.socket(), &owner, &init, Arc::new(SystemClock));
        let engine = engine.await.unwrap();
        let archive = corpus::root_archive(&PROGRAMS, &BTreeMap::new()).unwrap();
        Some(Self {
            image: engine.import(archive.into()).await.unwrap(),
            engine,
            directory: tempfile::tempdir().unwrap(),
            _daemon: daemon,
        })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// A shell script that works in a directory of its own.
    fn spec(&self, name: &str, script: &str) -> Spec {
        let work = self.path(name);
        for part in ["work/input", "work/output"] {
            fs::create_dir_all(work.join(part)).unwrap();
        }
        fs::write(work.join("work/input/source"), "media").unwrap();
        let mut spec = Spec::new("/bin/dash", ["-e", "-c", script]);
        spec.env = [("OWN".into(), "value".into())].into();
        spec.cwd = work.join("work");
        spec.stdout = Output::file(work.join("stdout"), 1_000);
        spec.stderr = Output::file(work.join("stderr"), 1_000);
        spec.limits = Limits {
            memory: Some(MEMORY),
            processes: Some(64),
            wall: Some(Duration::from_secs(60)),
            ..Limits::default()
        };
        spec.sandbox = Sandbox::strict()
            .read(work.join("work"))
            .write(work.join("work/output"));
        spec
    }

    async fn launch(&self, name: &str, spec: &Spec) -> Result<Running, Error> {
        let container = Container {
            image: &self.image,
            cpus: 1,
            control: &self.path(name).join("control"),
        };
        self.engine.launch(container, spec).await
    }

    async fn run(&self, name: &str, script: &str) -> Exit {
        self.run_spec(name, &self.spec(name, script)).await
    }

    async fn run_spec(&self, name: &str, spec: &Spec) -> Exit {
        let mut running = self.launch(name, spec).await.unwrap();
        running.wait().await.unwrap()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }
}

/// One test, so that one engine is started and one image imported.
#[tokio::test]
async fn commands_run_in_containers() {
    let Some(host) = Host::new().await else {
        return;
    };
    outputs_are_left_where_they_were_written(&host).await;
    progress_and_words_come_back(&host).await;
    nothing_else_can_be_reached(&host).await;
    limits_end_it_by_name(&host).await;
    what_cannot_start_says_why(&host).await;
    assert_eq!(host.engine.sweep().await.unwrap(), 0);
    what_is_killed_or_dropped_is_gone(&host).await;
}

async fn outputs_are_left_where_they_were_written(host: &Host) {
    let script = "cat input/source > output/seen; echo $OWN $PWD > output/env";
    let exit = host.run("good", script).await;
    assert!(exit.success(), "{exit}: {}", host.read("good/stderr"));
    assert_eq!(host.read("good/work/output/seen"), "media");
    let env = format!("value {}\n", host.path("good/work").display());
    assert_eq!(host.read("good/work/output/env"), env);
}

async fn progress_and_words_come_back(host: &Host) {
    let script = "echo progress=0.25 >&3; echo out; echo err >&2; cat input/source - < input/go";
    let spec = host.spec("tells", script);
    let go = host.path("tells/work/input/go");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &go, kind, mode, 0).unwrap();
    let mut running = host.launch("tells", &spec).await.unwrap();
    let mut progress = running.progress();
    let quarter = progress.wait_for(|progress| progress.fraction == 0.25);
    quarter.await.unwrap();
    fs::write(go, " and more").unwrap();
    let exit = running.wait().await.unwrap();
    assert!(exit.success() && exit.cpu() > Duration::ZERO, "{exit}");
    assert_eq!(host.read("tells/stdout"), "out\nmedia and more");
    assert_eq!(host.read("tells/stderr"), "err\n");
    let exit = host.run("fails", "exit 3").await;
    assert_eq!((exit.status, exit.reason), (Status::Code(3), Reason::Ended));
}

async fn nothing_else_can_be_reached(host: &Host) {
    let script = "cat /proc/self/status > output/status; cat /proc/net/dev > output/net
for file in /x /tmp/x /dev/shm/x input/source input/x ../x; do
  if (echo x > $file) 2>/dev/null; then echo $file; exit 9; fi
done
if [ -e /.cosmos/control/socket ]; then exit 8; fi";
    let exit = host.run("confined", script).await;
    assert!(exit.success(), "{exit}: {}", host.read("confined/stdout"));
    let status = host.read("confined/work/output/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_ne!(field("Uid:"), "0");
    for (name, expected) in [
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
        ("Seccomp:", "2"),
    ] {
        assert_eq!(field(name), expected, "{name}");
    }
    let net = host.read("confined/work/output/net");
    let mut devices = net.lines().skip(2).map(str::trim);
    assert!(devices.all(|device| device.starts_with("lo:")), "{net}");
}

async fn limits_end_it_by_name(host: &Host) {
    let exit = host
        .run("hungry", "cat /dev/zero | tail -c 200000000")
        .await;
    assert_eq!(exit.reason, Reason::Memory, "{exit}");
    let endless = "while true; do sleep 1; done";
    let mut spec = host.spec("endless", endless);
    spec.limits.wall = Some(Duration::from_secs(1));
    let exit = host.run_spec("endless", &spec).await;
    assert_eq!(exit.reason, Reason::WallTime);
    let many = "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait";
    let mut spec = host.spec("many", many);
    spec.limits.processes = Some(5);
    let exit = host.run_spec("many", &spec).await;
    assert_eq!(exit.reason, Reason::Processes);
}

async fn what_cannot_start_says_why(host: &Host) {
    let mut spec = host.spec("missing", "true");
    spec.argv[0] = "/bin/missing".into();
    let error = host.launch("missing", &spec).await.unwrap_err();
    assert!(matches!(error, Error::Setup { .. }), "{error}");
    let image = format!("sha256:{}", "0".repeat(64));
    let container = Container {
        image: &image,
        cpus: 1,
        control: &host.path("unknown/control"),
    };
    let spec = host.spec("unknown", "true");
    let error = host.engine.launch(container, &spec).await.unwrap_err();
    assert!(error.to_string().contains("push it"), "{error}");
    secrets_are_told(host).await;
}

/// Of root alone: others have no secrets from themselves.
async fn secrets_are_told(host: &Host) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let secret = host.path("secret");
    fs::write(&secret, "").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&secret, private).unwrap();
    let mut spec = host.spec("curious", "true");
    spec.sandbox.read.push(secret);
    let error = host.launch("curious", &spec).await.unwrap_err();
    assert!(error.to_string().contains("mode 600"), "{error}");
}

async fn what_is_killed_or_dropped_is_gone(host: &Host) {
    let script = "echo > output/started; while true; do sleep 1; done";
    let mut running = host
        .launch("killed", &host.spec("killed", script))
        .await
        .unwrap();
    running.kill();
    assert_eq!(running.wait().await.unwrap().reason, Reason::Killed);
    assert_eq!(host.engine.sweep().await.unwrap(), 0);
    let running = host.launch("dropped", &host.spec("dropped", script)).await;
    eventually(&host.path("dropped/work/output/started")).await;
    drop(running);
    while host.engine.sweep().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn eventually(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
