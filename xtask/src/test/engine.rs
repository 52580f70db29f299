//! A Docker engine for the time of the tests, where none runs and we may start one.

use std::fs::File;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{install, sh};

const PATIENCE: Duration = Duration::from_secs(60);

/// The engine that we started; it ends with this value.
pub struct Engine(Child);

/// Starts an engine when none answers. Without one the tests of containers
/// skip, loudly, so a failure here is told and not fatal.
pub fn start() -> Option<Engine> {
    if answers() || sh::find("docker").is_none() {
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

fn answers() -> bool {
    sh::succeeds(sh::program("docker", ["info"]))
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
