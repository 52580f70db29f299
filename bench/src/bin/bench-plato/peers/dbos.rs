//! DBOS, which is a library of Python: a driver there does what `drive` does here, and the
//! steps run in the process of their clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use bench::cpu;
use bench::postgres::Postgres;
use bench::server::find;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::engine::{Act, Cpu, Done, Engine};

const DRIVER: &str = include_str!("../../../../peers/dbos/driver.py");
const REQUIREMENTS: &str = include_str!("../../../../peers/dbos/requirements.txt");
/// Written when the library has been installed.
const INSTALLED: &str = "installed";

pub struct Dbos {
    driver: tokio::sync::Mutex<Driver>,
    /// Of the driver.
    cpu: Mutex<Duration>,
    postgres: Postgres,
}

struct Driver {
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Killed when dropped.
    _python: Child,
}

#[derive(Serialize)]
struct Request {
    clients: usize,
    times: usize,
}

#[derive(Deserialize)]
struct Answer {
    latencies: Vec<f64>,
    seconds: f64,
    cpu_us: u64,
}

impl Dbos {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let home = install(scratch).await?;
        let postgres = Postgres::start(scratch)?;
        let url = format!("postgresql://cosmos@127.0.0.1:{}/dbos", postgres.port);
        let mut command = Command::new(home.join("venv/bin/python"));
        command.arg(home.join("driver.py")).arg(url);
        let log = fs::File::create(home.join("log"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C reaches us, and we end it.
        command.stderr(log).process_group(0).kill_on_drop(true);
        let mut python = command.spawn()?;
        let driver = Driver {
            requests: python.stdin.take().context("no input")?,
            answers: BufReader::new(python.stdout.take().context("no output")?).lines(),
            _python: python,
        };
        Ok(Self {
            driver: tokio::sync::Mutex::new(driver),
            cpu: Mutex::default(),
            postgres,
        })
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Duration> {
        self.cpu.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the library beside the scratch folders, once; where it is.
async fn install(scratch: &Path) -> Result<PathBuf> {
    let home = scratch.parent().unwrap_or(scratch).join("dbos");
    fs::create_dir_all(&home)?;
    fs::write(home.join("driver.py"), DRIVER)?;
    fs::write(home.join("requirements.txt"), REQUIREMENTS)?;
    let installed = home.join(INSTALLED);
    if fs::read_to_string(&installed).is_ok_and(|of| of == REQUIREMENTS) {
        return Ok(home);
    }
    eprintln!("bench: installing DBOS with pip, once");
    let python = find("python3")?;
    done(Command::new(python).args(["-m", "venv", "venv"]), &home).await?;
    let mut pip = Command::new(home.join("venv/bin/pip"));
    done(
        pip.args(["install", "--quiet", "-r", "requirements.txt"]),
        &home,
    )
    .await?;
    fs::write(installed, REQUIREMENTS)?;
    Ok(home)
}

async fn done(command: &mut Command, folder: &Path) -> Result<()> {
    let output = command
        .current_dir(folder)
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "it cannot be installed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

#[async_trait(?Send)]
impl Engine for Dbos {
    fn version(&self) -> String {
        format!("{} on PostgreSQL", REQUIREMENTS.trim().replace("==", " "))
    }

    async fn run(&self, act: Act, clients: usize, times: usize) -> Result<Done> {
        let Act::Steps = act else {
            bail!("its maps go through a queue that it polls once a second");
        };
        let mut driver = self.driver.lock().await;
        let request = serde_json::to_string(&Request { clients, times })? + "\n";
        driver.requests.write_all(request.as_bytes()).await?;
        let answer = driver.answers.next_line().await?;
        let answer: Answer = serde_json::from_str(&answer.context("the driver ended")?)?;
        *self.used() += Duration::from_micros(answer.cpu_us);
        Ok(Done {
            latencies: answer.latencies,
            wall: Duration::from_secs_f64(answer.seconds),
        })
    }

    fn has_fan_out(&self) -> bool {
        false
    }

    fn cpu(&self) -> Result<Cpu> {
        Ok(Cpu {
            server: cpu::of_tree(self.postgres.process)?,
            worker: *self.used(),
        })
    }
}
