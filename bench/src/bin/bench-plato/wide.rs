//! A map of very many elements and its reduce: time and memory must not grow with them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench::machine::Machine;
use bench::stats::median;
use serde::Serialize;

use crate::engine::{Act, Engine};
use crate::ours::Ours;

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    /// Medians, by size.
    pub maps: Vec<Map>,
    /// Each run, by size.
    pub runs: Vec<Vec<Map>>,
    pub ratios: Ratios,
}

/// One map, in a server of its own.
#[derive(Clone, Copy, Serialize)]
pub struct Map {
    pub elements: u64,
    pub wall_s: f64,
    pub us_per_element: f64,
    /// Processor time of the server.
    pub server_cpu_us_per_element: f64,
    pub worker_cpu_us_per_element: f64,
    /// The most memory that the server took.
    pub peak_memory_bytes: u64,
}

/// The last map over the first.
#[derive(Serialize)]
pub struct Ratios {
    pub map_peak_memory: Option<f64>,
    pub map_time_per_element: Option<f64>,
    pub map_cpu_per_element: Option<f64>,
}

/// Runs a map of each of `sizes`, one after another, so often.
pub async fn measure(
    machine: Machine,
    sizes: &[u64],
    runs: usize,
    scratch: &Path,
) -> Result<Report> {
    ensure!(runs > 0, "--runs must be at least 1");
    let mut all = vec![Vec::new(); sizes.len()];
    for run in 1..=runs {
        for (of_size, elements) in all.iter_mut().zip(sizes) {
            eprintln!("bench: run {run} of {runs}: a map of {elements}");
            of_size.push(map(*elements, scratch).await?);
        }
    }
    let maps: Vec<Map> = all.iter().filter_map(|runs| Map::of(runs)).collect();
    Ok(Report {
        machine,
        ratios: Ratios::of(&maps),
        maps,
        runs: all,
    })
}

impl Map {
    /// Medians over the runs of one size, and the most memory of any.
    fn of(runs: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(runs.iter().map(figure));
        Some(Self {
            elements: runs.first()?.elements,
            wall_s: of(|map| map.wall_s)?,
            us_per_element: of(|map| map.us_per_element)?,
            server_cpu_us_per_element: of(|map| map.server_cpu_us_per_element)?,
            worker_cpu_us_per_element: of(|map| map.worker_cpu_us_per_element)?,
            peak_memory_bytes: runs.iter().map(|map| map.peak_memory_bytes).max()?,
        })
    }
}

async fn map(elements: u64, scratch: &Path) -> Result<Map> {
    let ours = Ours::start(scratch).await?;
    let (start, before) = (Instant::now(), ours.cpu()?);
    ours.once(Act::FanOut(elements)).await?;
    let (wall, cpu) = (start.elapsed(), ours.cpu()?.since(before));
    let each = |time: Duration| time.as_secs_f64() * 1e6 / elements as f64;
    Ok(Map {
        elements,
        wall_s: wall.as_secs_f64(),
        us_per_element: each(wall),
        server_cpu_us_per_element: each(cpu.server),
        worker_cpu_us_per_element: each(cpu.worker),
        peak_memory_bytes: ours.server().peak_memory()?,
    })
}

impl Ratios {
    fn of(maps: &[Map]) -> Self {
        let over = |figure: fn(&Map) -> f64| {
            let [first, .., last] = maps else { return None };
            Some(figure(last) / figure(first))
        };
        Self {
            map_peak_memory: over(|map| map.peak_memory_bytes as f64),
            map_time_per_element: over(|map| map.us_per_element),
            map_cpu_per_element: over(|map| map.server_cpu_us_per_element),
        }
    }
}

impl Report {
    /// For people.
    pub fn print(&self) {
        for map in &self.maps {
            println!(
                "{:>9} elements: {:.1} s, {:.1} µs each (server {:.1} µs, worker {:.1} µs of a processor), {} MB at most",
                map.elements,
                map.wall_s,
                map.us_per_element,
                map.server_cpu_us_per_element,
                map.worker_cpu_us_per_element,
                map.peak_memory_bytes >> 20,
            );
        }
    }
}
