//! The engine of this machine, or one of our own for the time of the test.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEFAULT: &str = "/var/run/docker.sock";
const PATIENCE: Duration = Duration::from_secs(60);

/// A Docker engine for tests.
#[derive(Debug)]
pub struct Daemon {
    socket: String,
    own: Option<(Child, tempfile::TempDir)>,
}

impl Daemon {
    /// Skips `what`, loudly, where there is none and none can be started.
    pub fn find_or_start(what: &str) -> Option<Self> {
        let named = std::env::var("DOCKER_HOST").ok();
        let named = named
            .as_deref()
            .and_then(|host| host.strip_prefix("unix://"));
        let socket = named.unwrap_or(DEFAULT);
        if UnixStream::connect(socket).is_ok() {
            return Some(Self {
                socket: socket.to_owned(),
                own: None,
            });
        }
        Self::another(what)
    }

    /// One that shares nothing with the first: the engine of another host. Skips as that does.
    pub fn another(what: &str) -> Option<Self> {
        let started = Self::start();
        started.map_err(|why| crate::skip(what, &why)).ok()
    }

    /// Where it answers.
    pub fn socket(&self) -> &str {
        &self.socket
    }

    fn start() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("no engine answers, and only root may start one".into());
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let child = spawn(directory.path()).map_err(|error| format!("dockerd: {error}"))?;
        let socket = directory.path().join("docker.sock").display().to_string();
        let mut daemon = Self {
            socket,
            own: Some((child, directory)),
        };
        daemon.wait().map(|()| daemon)
    }

    fn wait(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while UnixStream::connect(&self.socket).is_err() {
            let Some((child, directory)) = &mut self.own else {
                break;
            };
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
                let last = log.lines().next_back().unwrap_or_default().to_owned();
                return Err(format!("dockerd does not start: {last}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// All that it keeps is below `directory`, and it leaves the host's network alone.
fn spawn(directory: &Path) -> std::io::Result<Child> {
    let log = File::create(directory.join("log"))?;
    let at = |name: &str| directory.join(name).display().to_string();
    Command::new("dockerd")
        .args(["--host", &format!("unix://{}", at("docker.sock"))])
        .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
        .args(["--pidfile", &at("pid")])
        .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

impl Drop for Daemon {
    /// Asked to end, it takes its containerd along.
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.own {
            let pid = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = child.wait();
        }
    }
}
