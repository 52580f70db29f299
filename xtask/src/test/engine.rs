//! A Docker engine for the time of the tests, where none runs and we may start one.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{install, sh};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const PATIENCE: Duration = Duration::from_secs(60);

/// The engine that we started; it ends with this value.
pub struct Engine(Child);

/// Starts an engine when none answers. Without one the tests of containers
/// skip, loudly, so a failure here is told and not fatal.
pub fn start() -> Option<Engine> {
    if answers() {
        return None;
    }
    let started = if install::is_root() {
        launch()
    } else {
        Err(anyhow::anyhow!("only root may start it"))
    };
    started
        .inspect_err(|error| eprintln!("xtask: WITHOUT a Docker engine: {error:#}"))
        .ok()
}

fn launch() -> Result<Engine> {
    let program = sh::find("dockerd").context("dockerd is not installed")?;
    let log = sh::target_dir()?.join("dockerd.log");
    eprintln!(
        "xtask: no Docker engine answers; starting one, log in {}",
        log.display()
    );
    let out = File::create(&log)?;
    let mut command = sh::program::<&str>(&program.to_string_lossy(), []);
    command
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out);
    let mut engine = Engine(command.spawn()?);
    engine
        .wait_until_it_answers()
        .with_context(|| format!("see {}", log.display()))?;
    Ok(engine)
}

/// Whether an engine answers where the tests will look for one.
fn answers() -> bool {
    match env::var("DOCKER_HOST") {
        Err(_) => ping(DEFAULT_SOCKET),
        // An address elsewhere was set on purpose; the tests will tell.
        Ok(host) => host.strip_prefix("unix://").is_none_or(ping),
    }
}

fn ping(socket: &str) -> bool {
    let answer = || -> io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
        let mut start = String::new();
        stream.take(64).read_to_string(&mut start)?;
        Ok(start)
    };
    answer().is_ok_and(|answer| answer.contains(" 200 "))
}

impl Engine {
    fn wait_until_it_answers(&mut self) -> Result<()> {
        let begin = Instant::now();
        while !answers() {
            if let Some(status) = self.0.try_wait()? {
                bail!("dockerd ended with {status}");
            }
            if begin.elapsed() > PATIENCE {
                bail!("dockerd does not answer after {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

impl Drop for Engine {
    /// Asks it to end, so that it takes its own children along.
    fn drop(&mut self) {
        let ask = format!("kill -TERM {}", self.0.id());
        if !sh::succeeds(sh::program("sh", ["-c", &ask])) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn answered_by(reply: &'static [u8]) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let _ = stream.read(&mut [0; 64]).expect("a request");
            stream.write_all(reply).expect("an open caller");
        });
        let answered = ping(&socket.to_string_lossy());
        server.join().expect("a server");
        answered
    }

    #[test]
    fn only_a_good_answer_is_an_engine() {
        assert!(answered_by(b"HTTP/1.0 200 OK\r\n\r\nOK"));
        assert!(!answered_by(b"HTTP/1.0 500 Internal Server Error\r\n\r\n"));
        assert!(!answered_by(b""));
        assert!(!ping("/nonexistent/engine.sock"));
    }
}
