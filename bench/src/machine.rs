//! What was measured on, and whether it was quiet enough.

use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// Runnable work that a quiet machine may show, in processors.
const QUIET_LOAD: f64 = 0.25;

/// The machine, for the record.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub processors: usize,
    pub model: String,
    pub load_before: f64,
}

impl Machine {
    /// Looks at this machine; refuses one that is busy, unless told to measure all the same.
    pub fn quiet(accept_load: bool) -> Result<Self> {
        let machine = Self {
            processors: processors(),
            model: model()?,
            load_before: busy()?,
        };
        if machine.load_before > QUIET_LOAD && !accept_load {
            bail!(
                "the machine is busy: {:.2} processors' worth of work over one second, at most {QUIET_LOAD} is quiet; \
                 wait, or pass --accept-load and do not publish the figures",
                machine.load_before
            );
        }
        Ok(machine)
    }
}

/// Processors that this process may use.
pub fn processors() -> usize {
    available_parallelism().map_or(1, Into::into)
}

fn model() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    Ok(name.unwrap_or("unknown").trim().to_owned())
}

/// Processors' worth of work done by everybody over one second. The load average
/// would still remember the build that came before.
fn busy() -> Result<f64> {
    let before = ticks()?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = ticks()?;
    let all = after.all.saturating_sub(before.all).max(1);
    let work = all - after.idle.saturating_sub(before.idle).min(all);
    Ok(work as f64 / all as f64 * processors() as f64)
}

struct Ticks {
    all: u64,
    idle: u64,
}

fn ticks() -> Result<Ticks> {
    let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let idle = fields.iter().skip(3).take(2).sum();
    Ok(Ticks {
        all: fields.iter().take(8).sum(),
        idle,
    })
}
