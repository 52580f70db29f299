//! One measurement of one engine: steps of many clients, steps of one, then wide maps.

use std::time::Duration;

use anyhow::Result;
use bench::stats::quantile;
use serde::Serialize;

use crate::engine::{Act, Cpu, Done, Engine, STEPS};

/// How much is done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    pub clients: usize,
    /// Workflows of ten steps, by all clients.
    pub workflows: usize,
    /// Workflows of ten steps, by one client.
    pub sequential: usize,
    pub fan_outs: usize,
    /// Elements of each of these.
    pub elements: u64,
}

/// One run. What an engine cannot do is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    #[serde(skip)]
    pub version: String,
    /// Steps per second, all clients together.
    pub steps_per_s: f64,
    /// Processor time of one of these steps, in microseconds: of what keeps the state…
    pub server_cpu_us_per_step: f64,
    /// … and of what runs the steps.
    pub worker_cpu_us_per_step: f64,
    /// Milliseconds of a workflow of ten steps when one client runs alone, by ten.
    pub step_p50_ms: f64,
    pub step_p99_ms: f64,
    /// Milliseconds of a map over many elements and its reduce.
    pub fan_out_ms: Option<f64>,
    /// Processor time of one element of these, server and worker together, in microseconds.
    pub fan_out_cpu_us_per_element: Option<f64>,
}

/// Measures `engine`, which has done nothing yet.
pub async fn measure(engine: &dyn Engine, plan: &Plan) -> Result<Run> {
    engine
        .run(Act::Steps, plan.clients, plan.workflows.div_ceil(10))
        .await?;
    let (done, cpu) = counted(engine, Act::Steps, plan.clients, plan.workflows).await?;
    let steps = (done.latencies.len() * STEPS) as f64;
    let mut alone = engine.run(Act::Steps, 1, plan.sequential).await?.latencies;
    let mut step = |q| quantile(&mut alone, q).unwrap_or(f64::NAN) / STEPS as f64;
    let (step_p50_ms, step_p99_ms) = (step(0.5), step(0.99));
    let fan_out = match engine.has_fan_out() {
        true => Some(fan_out(engine, plan).await?),
        false => None,
    };
    Ok(Run {
        version: engine.version(),
        steps_per_s: steps / done.wall.as_secs_f64(),
        server_cpu_us_per_step: micros(cpu.server) / steps,
        worker_cpu_us_per_step: micros(cpu.worker) / steps,
        step_p50_ms,
        step_p99_ms,
        fan_out_ms: fan_out.map(|(ms, _)| ms),
        fan_out_cpu_us_per_element: fan_out.map(|(_, cpu)| cpu),
    })
}

async fn fan_out(engine: &dyn Engine, plan: &Plan) -> Result<(f64, f64)> {
    let act = Act::FanOut(plan.elements);
    engine.run(act, 1, 1).await?;
    let (mut done, cpu) = counted(engine, act, 1, plan.fan_outs).await?;
    let elements = plan.elements as f64 * plan.fan_outs as f64;
    let p50 = quantile(&mut done.latencies, 0.5).unwrap_or(f64::NAN);
    Ok((p50, micros(cpu.server + cpu.worker) / elements))
}

async fn counted(
    engine: &dyn Engine,
    act: Act,
    clients: usize,
    times: usize,
) -> Result<(Done, Cpu)> {
    let before = engine.cpu()?;
    let done = engine.run(act, clients, times).await?;
    Ok((done, engine.cpu()?.since(before)))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
