//! Real commands under a real `cosmos-init`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod probe;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stratum_init::{Error, Exit, Init, Limits, Output, Reason, Sandbox, Spec, Status, Strictness};
use tokio::io::AsyncReadExt;

const PATIENCE: Duration = Duration::from_secs(60);

fn init() -> Init {
    Init::at(env!("CARGO_BIN_EXE_cosmos-init"))
}

fn sh(script: &str) -> Spec {
    let mut spec = Spec::new("/bin/sh", ["-c", script]);
    spec.env.insert("PATH".into(), "/usr/bin:/bin".into());
    spec
}

/// A spec that runs one function of `probe` in its own process.
fn probe(what: &str, argument: &Path) -> Spec {
    let mut spec = Spec::new(
        std::env::current_exe().unwrap(),
        ["--exact", "probe::child", "--nocapture"],
    );
    spec.env.insert("PROBE".into(), what.into());
    spec.env.insert("PROBE_ARGUMENT".into(), argument.into());
    spec
}

async fn run(spec: &Spec) -> Exit {
    let mut running = init().spawn(spec).await.unwrap();
    tokio::time::timeout(PATIENCE, running.wait())
        .await
        .unwrap()
        .unwrap()
}

async fn setup_error(spec: &Spec) -> String {
    match init().spawn(spec).await {
        Err(Error::Setup { message, .. }) => message,
        other => panic!("expected a setup error of {:?}, not {other:?}", spec.argv),
    }
}

/// Waits for a condition that another process brings about.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pids(file: &Path) -> Vec<i32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

#[tokio::test]
async fn exit_codes_and_usage_are_reported() {
    let exit = run(&sh("exit 0")).await;
    assert!(exit.success());
    assert!(exit.max_rss > 0);
    let confinement = exit.confinement;
    assert!(confinement.files && confinement.syscalls, "{confinement:?}");

    let exit = run(&sh("exit 42")).await;
    assert_eq!(
        (exit.status, exit.reason),
        (Status::Code(42), Reason::Ended)
    );
    assert_eq!(exit.to_string(), "exit code 42");
}

#[tokio::test]
async fn cpu_time_of_descendants_is_counted() {
    let exit = run(&sh(
        "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done' & wait",
    ))
    .await;
    assert!(exit.success());
    assert!(exit.user_cpu > Duration::from_millis(20), "{exit:?}");
}

#[tokio::test]
async fn a_crash_is_told_from_a_kill() {
    let exit = run(&sh("kill -SEGV $$")).await;
    assert_eq!(
        (exit.status, exit.reason),
        (Status::Signal(11), Reason::Ended)
    );
}

#[tokio::test]
async fn arguments_never_reach_a_shell_and_the_environment_is_what_was_given() {
    let mut spec = Spec::new("/usr/bin/env", ["-0"]);
    spec.env
        .insert("ONLY".into(), "$(touch never); \"'\n".into());
    spec.stdout = Output::Pipe;
    let mut running = init().spawn(&spec).await.unwrap();
    let mut text = String::new();
    running
        .take_stdout()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert!(running.wait().await.unwrap().success());
    assert_eq!(text, "ONLY=$(touch never); \"'\n\0");
}

#[tokio::test]
async fn file_names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory
        .path()
        .join(std::ffi::OsStr::from_bytes(b"\xff'; rm -rf"));
    fs::write(&path, "frames").unwrap();
    let mut spec = Spec::new("/bin/cat", [&path]);
    spec.sandbox = Sandbox::strict().read(&path);
    let log = directory.path().join("log");
    spec.stdout = Output::file(&log, 100);
    assert!(run(&spec).await.success());
    assert_eq!(fs::read_to_string(log).unwrap(), "frames");
}

#[tokio::test]
async fn progress_comes_from_descriptor_three() {
    let script = "echo progress=0.25 >&3; echo frame=7 >&3; echo nonsense >&3; cat";
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("go");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let mut spec = sh(&format!("{script} {}", fifo.display()));
    spec.sandbox = Sandbox::strict().read(&fifo);
    let mut running = init().spawn(&spec).await.unwrap();
    let mut progress = running.progress();
    let reached = progress.wait_for(|p| p.fraction == 0.25 && p.frames == 7);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .unwrap()
        .unwrap();
    fs::write(&fifo, "").unwrap();
    assert!(running.wait().await.unwrap().success());
}

#[tokio::test]
async fn the_last_progress_arrives_before_the_exit() {
    let mut running = init().spawn(&sh("echo progress=1 >&3")).await.unwrap();
    assert!(running.wait().await.unwrap().success());
    assert_eq!(running.progress().borrow().fraction, 1.0);
}

#[tokio::test]
async fn a_kill_ends_all_descendants_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let mut spec = sh(&format!(
        "trap '' TERM INT HUP; setsid sleep 1000 & echo $! >> {0}; sleep 1000 & echo $! >> {0}; \
         echo $$ >> {0}; wait",
        file.display()
    ));
    spec.sandbox = Sandbox::strict().write(directory.path());
    let mut running = init().spawn(&spec).await.unwrap();
    wait_until("three processes", || pids(&file).len() == 3);
    let killer = running.killer();
    killer.kill();
    killer.kill();
    let exit = running.wait().await.unwrap();
    assert_eq!(
        (exit.status, exit.reason),
        (Status::Signal(9), Reason::Killed)
    );
    assert!(pids(&file).into_iter().all(|pid| !alive(pid)));
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_gone_when_wait_returns() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let mut spec = sh(&format!(
        "setsid sh -c 'sleep 1000 & echo $! >> {0}; sleep 1000' & echo $! >> {0}; \
         while [ $(wc -l < {0}) -lt 2 ]; do :; done; exit 3",
        file.display()
    ));
    spec.sandbox = Sandbox::strict().write(directory.path());
    let exit = run(&spec).await;
    assert_eq!((exit.status, exit.reason), (Status::Code(3), Reason::Ended));
    let left = pids(&file);
    assert_eq!(left.len(), 2);
    assert!(left.into_iter().all(|pid| !alive(pid)));
}

#[tokio::test]
async fn dropping_the_handle_kills() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let mut spec = sh(&format!("echo $$ > {}; sleep 1000", file.display()));
    spec.sandbox = Sandbox::strict().write(directory.path());
    let running = init().spawn(&spec).await.unwrap();
    wait_until("a process", || pids(&file).len() == 1);
    drop(running);
    wait_until("its end", || !alive(pids(&file)[0]));
}

#[test]
fn killing_the_host_kills_every_descendant() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "probe::host", "--nocapture"])
        .env("PROBE_HOST", directory.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the whole family", || pids(&file).len() == 4);
    let family = pids(&file);
    assert!(family.iter().all(|pid| alive(*pid)));
    host.kill().unwrap();
    host.wait().unwrap();
    wait_until("the end of the family", || {
        family.iter().all(|pid| !alive(*pid))
    });
}

#[tokio::test]
async fn killing_init_kills_the_command() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pids");
    let mut spec = sh(&format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; wait",
        file.display()
    ));
    spec.sandbox = Sandbox::strict().write(directory.path());
    let mut running = init().spawn(&spec).await.unwrap();
    wait_until("two processes", || pids(&file).len() == 2);
    let pid = rustix::process::Pid::from_raw(running.pid().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let error = running.wait().await.unwrap_err();
    assert!(
        matches!(&error, Error::InitDied { status } if status == "signal 9"),
        "{error}"
    );
    wait_until("the end of both", || {
        pids(&file).into_iter().all(|pid| !alive(pid))
    });
}

#[tokio::test]
async fn files_outside_the_sandbox_cannot_be_read_written_or_listed() {
    let directory = tempfile::tempdir().unwrap();
    let (open, shut) = (directory.path().join("open"), directory.path().join("shut"));
    fs::create_dir_all(&open).unwrap();
    fs::create_dir_all(&shut).unwrap();
    fs::write(shut.join("secret"), "secret").unwrap();
    fs::write(open.join("given"), "given").unwrap();
    std::os::unix::fs::symlink(shut.join("secret"), open.join("link")).unwrap();
    let attempts = [
        format!("cat {}/given > /dev/null", open.display()),
        format!(
            "echo x > {}/new && cat {}/new",
            open.display(),
            open.display()
        ),
        format!("! cat {}/secret", shut.display()),
        format!("! cat {}/link", open.display()),
        format!("! cat /proc/self/root/{}/secret", shut.display()),
        format!("! ls {}", shut.display()),
        format!("! touch {}/new", shut.display()),
        format!("! rm {}/secret", shut.display()),
        format!("! ln {}/secret {}/hard", shut.display(), open.display()),
        format!("! mv {}/secret {}/moved", shut.display(), open.display()),
        "! cat /etc/shadow".to_string(),
        "! ls /root".to_string(),
        "! ls /proc".to_string(),
        format!("cp /bin/true {0}/true; ! {0}/true", open.display()),
    ];
    for attempt in attempts {
        let mut spec = sh(&attempt);
        spec.sandbox = Sandbox::strict().write(&open);
        let exit = run(&spec).await;
        assert!(exit.success(), "{attempt}: {exit}");
    }
    assert_eq!(fs::read_to_string(shut.join("secret")).unwrap(), "secret");
    assert_eq!(fs::read_dir(&shut).unwrap().count(), 1);
}

#[tokio::test]
async fn without_network_there_are_no_sockets() {
    for family in ["inet", "inet6", "netlink", "packet", "unix"] {
        let spec = probe(&format!("socket-{family}"), Path::new(""));
        let exit = run(&spec).await;
        assert_eq!(exit.status, Status::Code(probe::REFUSED), "{family}");
    }
    let mut spec = probe("socket-inet", Path::new(""));
    spec.sandbox.network = true;
    assert_eq!(run(&spec).await.status, Status::Code(probe::ALLOWED));
}

#[tokio::test]
async fn other_processes_and_the_system_are_out_of_reach() {
    let calls = [
        "ptrace",
        "unshare",
        "mount",
        "bpf",
        "keyctl",
        "io_uring",
        "userfaultfd",
        "clone-newuser",
        "clone3",
        "prlimit-other",
        "kill-host",
        "x32",
    ];
    for call in calls {
        let exit = run(&probe(call, Path::new(""))).await;
        assert_eq!(exit.status, Status::Code(probe::REFUSED), "{call}");
    }
}

#[tokio::test]
async fn a_container_can_bring_its_own_sandbox() {
    let mut spec = sh("ls / > /dev/null");
    assert_eq!(run(&spec).await.status, Status::Code(2));
    spec.sandbox.strictness = Strictness::Off;
    let exit = run(&spec).await;
    assert!(exit.success());
    assert!(!exit.confinement.files && !exit.confinement.syscalls);
}

#[tokio::test]
async fn no_capability_is_left_but_file_access() {
    let mut spec = Spec::new(
        "/bin/grep",
        ["-E", "CapEff|CapPrm|CapBnd|NoNewPrivs", "/proc/self/status"],
    );
    spec.stdout = Output::Pipe;
    let mut running = init().spawn(&spec).await.unwrap();
    let mut text = String::new();
    running
        .take_stdout()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    for line in text.lines() {
        let (key, value) = line.split_once(":\t").unwrap();
        match key {
            "NoNewPrivs" => assert_eq!(value, "1"),
            // Only root can shrink the bounding set; without new privileges it bounds nothing.
            "CapBnd" if !rustix::process::geteuid().is_root() => {}
            _ => assert_eq!(
                u64::from_str_radix(value, 16).unwrap() & !0b110,
                0,
                "{line}"
            ),
        }
    }
    assert_eq!(text.lines().count(), 4);
}

#[tokio::test]
async fn limits_end_a_command_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        wall: Some(Duration::from_millis(200)),
        ..Limits::default()
    };
    check_limit(sh("sleep 1000"), limits, Reason::WallTime).await;

    let limits = Limits {
        cpu: Some(Duration::from_secs(1)),
        ..Limits::default()
    };
    check_limit(sh("while :; do :; done"), limits.clone(), Reason::CpuTime).await;
    check_limit(
        sh("trap '' XCPU; while :; do :; done"),
        limits,
        Reason::CpuTime,
    )
    .await;

    let limits = Limits {
        memory: Some(64 << 20),
        ..Limits::default()
    };
    check_limit(probe("allocate", Path::new("")), limits, Reason::Memory).await;

    let mut spec = Spec::new("/bin/dd", ["if=/dev/zero", "bs=65536", "count=100"]);
    spec.argv
        .push(format!("of={}/large", directory.path().display()).into());
    spec.sandbox = Sandbox::strict().write(directory.path());
    let limits = Limits {
        file_size: Some(1 << 20),
        ..Limits::default()
    };
    check_limit(spec, limits, Reason::FileSize).await;

    let limits = Limits {
        processes: Some(3),
        ..Limits::default()
    };
    let many = "for i in 1 2 3 4 5; do sleep 1000 & done; wait";
    check_limit(sh(many), limits, Reason::Processes).await;
}

async fn check_limit(mut spec: Spec, limits: Limits, expected: Reason) {
    spec.limits = limits;
    let exit = run(&spec).await;
    assert_eq!(exit.reason, expected, "{exit:?}");
    assert!(!exit.success());
}

#[tokio::test]
async fn open_files_are_limited() {
    let mut spec = sh("ulimit -n");
    spec.limits.open_files = Some(17);
    spec.stdout = Output::Pipe;
    let mut running = init().spawn(&spec).await.unwrap();
    let mut text = String::new();
    running
        .take_stdout()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert_eq!(text, "17\n");
}

#[tokio::test]
async fn a_log_keeps_its_head_and_tail() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut spec =
        sh("echo first; i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; echo last");
    spec.stdout = Output::file(&log, 100);
    let exit = run(&spec).await;
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("first\n0\n1\n"), "{text}");
    assert!(text.ends_with("1999\nlast\n"), "{text}");
    assert!(
        exit.stdout_dropped > 8000 && text.contains(&exit.stdout_dropped.to_string()),
        "{text}"
    );
    assert!(text.len() < 150);
    assert_eq!(exit.stderr_dropped, 0);
}

#[tokio::test]
async fn what_cannot_be_set_up_does_not_run() {
    let missing = PathBuf::from("/nonexistent/media");
    let mut spec = sh("exit 0");
    spec.sandbox = Sandbox::strict().read(&missing);
    let message = setup_error(&spec).await;
    assert!(message.contains("/nonexistent/media"), "{message}");

    let message = setup_error(&Spec::new("/nonexistent/program", [""; 0])).await;
    assert!(message.contains("/nonexistent/program"), "{message}");

    let message = setup_error(&Spec::new("sh", [""; 0])).await;
    assert!(message.contains("absolute"), "{message}");

    let message = setup_error(&Spec::new("/etc/passwd", [""; 0])).await;
    assert!(message.contains("cannot execute"), "{message}");

    let mut spec = sh("exit 0");
    spec.stdout = Output::file("/nonexistent/log", 1);
    assert!(setup_error(&spec).await.contains("/nonexistent/log"));

    let error = Init::at("/nonexistent/init")
        .spawn(&sh("exit 0"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
}

#[tokio::test]
async fn many_commands_at_once_do_not_hold_each_other_open() {
    let mut all = tokio::task::JoinSet::new();
    for code in 0..24 {
        all.spawn(async move { (code, run(&sh(&format!("exit {code}"))).await) });
    }
    while let Some(joined) = all.join_next().await {
        let (code, exit) = joined.unwrap();
        assert_eq!(exit.status, Status::Code(code));
    }
}
