//! Conditions under which a queue may not slow down: exclusive values, a tenant that floods,
//! workers that wait for nothing.

mod exclusive;
mod fairness;
mod idle;

use std::path::Path;

use anyhow::Result;
use bench::machine::Machine;
use clap::Args;
use serde::Serialize;

/// What is measured, and how much.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub struct Conditions {
    /// Values of exclusive messages that live at the same time.
    #[arg(long, default_value_t = 100_000)]
    pub values: usize,
    /// Workers that wait on empty queues.
    #[arg(long, default_value_t = 1_000)]
    pub idle_workers: usize,
    /// How long each of the loads and the idleness lasts.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

#[derive(Serialize)]
pub struct Report {
    machine: Machine,
    settings: Conditions,
    exclusive: exclusive::Report,
    fairness: fairness::Report,
    idle: idle::Report,
}

impl Report {
    /// Measures with so many clients and messages of a load.
    pub async fn measure(
        settings: Conditions,
        (clients, messages): (usize, usize),
        machine: Machine,
        scratch: &Path,
    ) -> Result<Self> {
        eprintln!("bench: exclusive");
        let exclusive = exclusive::measure(settings.values, clients, messages, scratch).await?;
        eprintln!("bench: fairness");
        let fairness = fairness::measure(settings.seconds, scratch).await?;
        eprintln!("bench: idle");
        let idle = idle::measure(settings.idle_workers, settings.seconds, scratch).await?;
        Ok(Self {
            machine,
            settings,
            exclusive,
            fairness,
            idle,
        })
    }

    /// For people.
    pub fn print(&self) {
        let Self {
            exclusive,
            fairness,
            idle,
            ..
        } = self;
        println!(
            "{} exclusive values: enqueue {:.2}, lease+complete {:.2} of a simple queue's rate",
            self.settings.values,
            exclusive.ratios.exclusive_enqueue_vs_simple,
            exclusive.ratios.exclusive_lease_complete_vs_simple,
        );
        println!(
            "a quiet tenant waits p99 {:.2} ms alone, {:.2} ms while another floods: {:.2} ×",
            fairness.unloaded.p99_ms, fairness.loaded.p99_ms, fairness.ratios.quiet_p99,
        );
        println!(
            "{} idle workers: {:.2} % of a processor, {} bytes written",
            self.settings.idle_workers,
            idle.server_share_of_processor * 100.0,
            idle.bytes_written,
        );
    }
}
