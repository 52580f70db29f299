//! A map of very many elements and its reduce: time and memory must not grow with them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench::machine::Machine;
use serde::Serialize;

use crate::engine::{Act, Engine};
use crate::ours::Ours;

#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub maps: Vec<Map>,
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

/// Runs a map of each of `sizes`.
pub async fn measure(machine: Machine, sizes: &[u64], scratch: &Path) -> Result<Report> {
    let mut maps = Vec::new();
    for elements in sizes {
        eprintln!("bench: a map of {elements}");
        maps.push(map(*elements, scratch).await?);
    }
    Ok(Report {
        machine,
        ratios: Ratios::of(&maps),
        maps,
    })
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
