//! The sweeper in numbers, and all that is measured beside the queues.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use clock::Timestamp;
use errors::Error;
use plato_runtime::Engines;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use sweep::Report;

use super::{RUNS, Sweeper};

/// What passes found and did since the process started.
#[derive(Debug, Default)]
pub(super) struct Figures(Mutex<Counts>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    passes: u64,
    failures: u64,
    removed: u64,
    removed_bytes: u64,
    forgotten: u64,
    last: Report,
    ended: Timestamp,
}

impl Figures {
    pub(super) fn passed(&self, passed: &Result<Report, Error>, dry_run: bool, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match passed {
            Ok(_) if dry_run => {}
            Ok(report) => counts.add(report, now),
            Err(error) if error.code == RUNS => {}
            Err(_) => counts.failures += 1,
        }
    }

    fn read(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, report: &Report, now: Timestamp) {
        self.passes += 1;
        self.removed += report.removed;
        self.removed_bytes += report.removed_bytes;
        self.forgotten += report.forgotten;
        (self.last, self.ended) = (*report, now);
    }

    /// What is there after the last pass.
    fn kept(&self) -> (u64, u64) {
        (
            self.last.blobs - self.last.removed,
            self.last.bytes - self.last.removed_bytes,
        )
    }
}

/// Workflow engines and the sweeper of a process.
#[derive(Clone)]
pub(crate) struct Measured {
    engines: Engines,
    figures: Option<Arc<Figures>>,
}

impl Measured {
    pub(crate) fn new(engines: Engines, sweeper: Option<&Sweeper>) -> Self {
        let figures = sweeper.map(|sweeper| Arc::clone(&sweeper.0.figures));
        Self { engines, figures }
    }

    /// Tells it at `/metrics`, for [`rpc::Server::routes`].
    pub(crate) fn routes(self) -> rpc::Routes {
        rpc::metrics(move || std::future::ready(tell(&self)))
    }
}

fn tell(measured: &Measured) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(measured.clone()));
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measured").finish_non_exhaustive()
    }
}

impl Collector for Measured {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(figures) = &self.figures {
            encode(&figures.read(), &mut encoder)?;
        }
        self.engines.encode(encoder)
    }
}

fn encode(counts: &Counts, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let counters = [
        ("blob_sweeps", "Passes that swept blobs", counts.passes),
        (
            "blob_sweep_failures",
            "Passes that were given up",
            counts.failures,
        ),
        (
            "blobs_removed",
            "Blobs that nothing referred to, and that went",
            counts.removed,
        ),
        ("blobs_removed_bytes", "Their bytes", counts.removed_bytes),
        (
            "blob_memos_forgotten",
            "Memos that nobody had used for long, and that went",
            counts.forgotten,
        ),
    ];
    for (name, help, value) in counters {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    if counts.passes == 0 {
        return Ok(());
    }
    let ended = u64::try_from(counts.ended.unix_ms() / 1_000).unwrap_or(0);
    let gauges = [
        ("blobs", "Blobs that the last pass left", counts.kept().0),
        ("blobs_bytes", "Their bytes", counts.kept().1),
        (
            "blobs_unreferred",
            "Those of them that a later pass may remove",
            counts.last.young + counts.last.left,
        ),
        (
            "blob_memos",
            "Memos that the last pass left",
            counts.last.memos,
        ),
        (
            "blob_sweep_ended_seconds",
            "When the last pass ended, in Unix seconds",
            ended,
        ),
    ];
    for (name, help, value) in gauges {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)?;
    }
    Ok(())
}
