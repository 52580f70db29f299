//! A server that lives as long as a measurement.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cpu;

/// How long a server may take to answer.
const STARTING: Duration = Duration::from_secs(60);
/// How long a server may take to see that its children have ended.
const ENDING: Duration = Duration::from_secs(2);

/// A running server. Dropped, it is killed with everything it started.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`, its output in the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| log.display().to_string())?;
        // A group of its own: Ctrl-C reaches us, and we end the server.
        command.stdin(Stdio::null()).process_group(0);
        command.stdout(file.try_clone()?).stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// The first process of the server.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready`; fails with the server's last words when it ends before.
    pub async fn ready(&mut self, mut is_ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !is_ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}: {}", self.last_words());
            }
            if start.elapsed() > STARTING {
                bail!("no answer in {STARTING:?}: {}", self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until something listens at `address`.
    pub async fn listening(&mut self, address: &str) -> Result<()> {
        self.ready(async || tokio::net::TcpStream::connect(address).await.is_ok())
            .await
    }

    /// Gives the first process time to end by itself.
    fn wait_a_little(&mut self) {
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < ENDING {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let tree = cpu::tree(self.process()).unwrap_or_default();
        // Children first: their parent then sees them end, and leaves no zombie to others.
        let children = tree.iter().skip(1).rev();
        children.for_each(|process| kill(*process));
        if tree.len() > 1 {
            self.wait_a_little();
        }
        kill(self.process());
        let _ = self.child.wait();
    }
}

fn kill(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    // One that has ended meanwhile is what is wanted.
    let _ = process.map(|process| kill_process(process, Signal::KILL));
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Where a program lies: on the path, or in the folders where Debian keeps daemons.
pub fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        "/usr/lib/rabbitmq/bin",
    ];
    let folders = std::env::split_paths(&path).chain(daemons.map(PathBuf::from));
    let mut files = folders.map(|folder| folder.join(program));
    files
        .find(|file| file.is_file())
        .with_context(|| format!("{program} is not installed"))
}
