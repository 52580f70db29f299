//! What is told of each depth.

use anyhow::Result;
use bench::disk::Fsync;
use bench::machine::Machine;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::Memory;
use super::probe::Latency;
use super::server::Recovery;

/// What was measured at one depth.
pub struct Depth {
    pub depth: u64,
    pub enqueue_rate: f64,
    pub memory: Memory,
    pub memory_recovered: u64,
    pub one: Latency,
    pub many: Latency,
    pub recovery: Recovery,
}

#[derive(Serialize)]
pub struct Report {
    machine: Machine,
    settings: Settings,
    fsync: Fsync,
    depths: Vec<Measured>,
    ratios: Ratios,
}

#[derive(Serialize)]
struct Settings {
    payload_bytes: usize,
    pairs: usize,
    clients: usize,
    dequeues: usize,
}

#[derive(Serialize)]
struct Measured {
    depth: u64,
    /// Messages per second, in batches.
    enqueue_rate: f64,
    memory_bytes: Memory,
    /// The growth of the server's memory since its caches were full, by message.
    memory_per_message_bytes: f64,
    /// The same since its start, caches and all.
    memory_per_message_since_start_bytes: f64,
    /// The growth since its start of a server that found the messages in its store.
    memory_per_message_recovered_bytes: f64,
    dequeue: Latency,
    /// By all clients together.
    dequeue_by_all: Latency,
    recovery: Recovery,
}

/// The deepest over the shallowest.
#[derive(Serialize)]
struct Ratios {
    depth_p99: f64,
    depth_p99_by_all: f64,
}

impl Measured {
    fn of(depth: &Depth) -> Self {
        let memory = depth.memory;
        let by_message = |now: u64, before: u64| {
            let growth = now as f64 - before as f64;
            growth / depth.depth as f64
        };
        Self {
            depth: depth.depth,
            enqueue_rate: depth.enqueue_rate,
            memory_bytes: memory,
            memory_per_message_bytes: by_message(memory.filled, memory.warm),
            memory_per_message_since_start_bytes: by_message(memory.filled, memory.at_start),
            memory_per_message_recovered_bytes: by_message(depth.memory_recovered, memory.at_start),
            dequeue: depth.one,
            dequeue_by_all: depth.many,
            recovery: depth.recovery,
        }
    }
}

impl Report {
    pub fn new(args: &crate::Args, machine: Machine, fsync: Fsync, depths: Vec<Depth>) -> Self {
        let depths: Vec<_> = depths.iter().map(Measured::of).collect();
        let ratio = |p99: fn(&Measured) -> f64| {
            let ends = depths.last().zip(depths.first());
            ends.map_or(f64::NAN, |(last, first)| p99(last) / p99(first))
        };
        Self {
            machine,
            settings: Settings {
                payload_bytes: args.depth.payload,
                pairs: args.depth.pairs,
                clients: args.clients,
                dequeues: args.depth.dequeues,
            },
            fsync,
            ratios: Ratios {
                depth_p99: ratio(|measured| measured.dequeue.p99_ms),
                depth_p99_by_all: ratio(|measured| measured.dequeue_by_all.p99_ms),
            },
            depths,
        }
    }
}

const HEAD: [&str; 8] = [
    "pending",
    "enqueued/s",
    "bytes each",
    "p50 ms",
    "p99 ms",
    "p50 ms, all",
    "p99 ms, all",
    "recovery s",
];

/// Prints the report.
pub fn print(args: &crate::Args, report: &Report) -> Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!("{}", table(&report.depths));
    println!(
        "deepest over shallowest: p99 {:.2}, by all {:.2}",
        report.ratios.depth_p99, report.ratios.depth_p99_by_all
    );
    Ok(())
}

fn table(depths: &[Measured]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(HEAD);
    for measured in depths {
        table.add_row([
            measured.depth.to_string(),
            format!("{:.0}", measured.enqueue_rate),
            format!("{:.0}", measured.memory_per_message_bytes),
            format!("{:.3}", measured.dequeue.p50_ms),
            format!("{:.3}", measured.dequeue.p99_ms),
            format!("{:.3}", measured.dequeue_by_all.p50_ms),
            format!("{:.3}", measured.dequeue_by_all.p99_ms),
            format!("{:.2}", measured.recovery.wall_s),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
