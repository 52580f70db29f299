//! BullMQ, which is a library of Node: a driver there does what `load` does here.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::server::find;
use bench::{cpu, npm};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::redis::Redis;
use crate::load::Done;
use crate::measure::{Figures, PickUp, Plan, Run};
use crate::queue::{PAYLOAD_BYTES, PRIORITIES};

/// The library, pinned, and its driver.
const FILES: [(&str, &str); 3] = [
    (
        "package.json",
        include_str!("../../../../peers/bullmq/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../peers/bullmq/package-lock.json"),
    ),
    (
        "driver.mjs",
        include_str!("../../../../peers/bullmq/driver.mjs"),
    ),
];

/// Starts Redis and the driver, measures, and ends both.
pub async fn run(plan: &Plan, scratch: &Path) -> Result<Run> {
    let driver = install(scratch).await?;
    let redis = Redis::start(scratch).await?;
    let mut node = Node::start(&driver, plan, &redis)?;
    let mut run = Run {
        version: format!("bullmq {} on {}", pinned()?, redis.version().await?),
        ..Run::default()
    };
    node.ask(Act::PickUp, plan.pick_ups.div_ceil(10)).await?;
    run.pick_up = Some(node.pick_up(plan.pick_ups).await?);
    let warm_up = plan.warm_up();
    node.ask(Act::Enqueue, warm_up + plan.surplus()).await?;
    node.ask(Act::LeaseComplete, warm_up).await?;
    let more = plan.messages + plan.surplus();
    run.enqueue = Some(node.figures(Act::Enqueue, more, &redis).await?);
    let leased = node.figures(Act::LeaseComplete, plan.messages, &redis);
    run.lease_complete = Some(leased.await?);
    Ok(run)
}

/// Puts the library beside the scratch folders, once; where the driver is.
async fn install(scratch: &Path) -> Result<PathBuf> {
    let home = scratch.parent().unwrap_or(scratch).join("bullmq");
    npm::install(&home, &FILES).await?;
    Ok(home.join("driver.mjs"))
}

fn pinned() -> Result<String> {
    let package: serde_json::Value = serde_json::from_str(FILES[0].1)?;
    let version = package["dependencies"]["bullmq"].as_str();
    Ok(version.context("package.json pins no bullmq")?.to_owned())
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    PickUp,
    Enqueue,
    LeaseComplete,
}

#[derive(Serialize)]
struct Request {
    act: Act,
    times: usize,
}

#[derive(Deserialize)]
struct Answer {
    latencies: Vec<f64>,
    seconds: f64,
    cpu_us: u64,
}

impl Answer {
    fn done(self) -> Done {
        Done {
            messages: self.latencies.len(),
            wall: Duration::from_secs_f64(self.seconds),
            latencies: self.latencies,
        }
    }
}

struct Node {
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Killed when dropped.
    _driver: Child,
}

impl Node {
    fn start(driver: &Path, plan: &Plan, redis: &Redis) -> Result<Self> {
        let arguments = [
            usize::from(redis.port),
            plan.clients,
            usize::try_from(PRIORITIES)?,
            PAYLOAD_BYTES,
        ];
        let mut command = Command::new(find("node")?);
        command.arg(driver).args(arguments.map(|n| n.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C reaches us, and we end it.
        let mut driver = command.process_group(0).kill_on_drop(true).spawn()?;
        let answers = driver.stdout.take().context("no output")?;
        Ok(Self {
            requests: driver.stdin.take().context("no input")?,
            answers: BufReader::new(answers).lines(),
            _driver: driver,
        })
    }

    async fn ask(&mut self, act: Act, times: usize) -> Result<Answer> {
        let request = serde_json::to_string(&Request { act, times })? + "\n";
        self.requests.write_all(request.as_bytes()).await?;
        let answer = self.answers.next_line().await?;
        Ok(serde_json::from_str(&answer.context("the driver ended")?)?)
    }

    async fn pick_up(&mut self, times: usize) -> Result<PickUp> {
        let mut done = self.ask(Act::PickUp, times).await?.done();
        Ok(PickUp {
            p50_ms: done.quantile(0.50).unwrap_or(f64::NAN),
            p99_ms: done.quantile(0.99).unwrap_or(f64::NAN),
        })
    }

    async fn figures(&mut self, act: Act, times: usize, redis: &Redis) -> Result<Figures> {
        let before = cpu::of_tree(redis.process())?;
        let answer = self.ask(act, times).await?;
        let server = cpu::of_tree(redis.process())?.saturating_sub(before);
        let per_op = |micros: f64| Some(micros / times as f64);
        let client = answer.cpu_us as f64;
        let mut done = answer.done();
        Ok(Figures {
            rate: done.rate(),
            p50_ms: done.quantile(0.50),
            p99_ms: done.quantile(0.99),
            server_cpu_us_per_op: per_op(server.as_secs_f64() * 1e6),
            client_cpu_us_per_op: per_op(client),
        })
    }
}
