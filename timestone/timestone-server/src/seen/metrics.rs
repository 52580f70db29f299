//! The queues in numbers, as Prometheus reads them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::figures::{Figures, Reading};

/// The calls whose time is told; of others there is no telling how many there are.
const METHODS: [&str; 20] = [
    "PutQueue",
    "GetQueue",
    "DeleteQueue",
    "Enqueue",
    "Dequeue",
    "Subscribe",
    "Complete",
    "Fail",
    "Release",
    "ExtendLease",
    "Cancel",
    "Reschedule",
    "Redrive",
    "GetMessage",
    "FindMessages",
    "CountMessages",
    "ListQueues",
    "WatchQueue",
    "GetMessageHistory",
    "FindEvents",
];
const SERVICE: &str = "/timestone.v1.TimestoneService/";

type Method = [(&'static str, &'static str); 1];

/// What is measured of the queues of this process.
pub struct Metrics {
    registry: Registry,
    commits: Histogram,
    records: Histogram,
    calls: Family<Method, Histogram, fn() -> Histogram>,
    waiting: Gauge,
    missed: Counter,
    reading: Arc<Mutex<Reading>>,
    limit: usize,
}

impl Metrics {
    /// Nothing is measured yet. At most `limit` queues are told of one by one, and the
    /// others together. What the process measures `beside` is told with it.
    pub fn new(limit: usize, beside: Option<Box<dyn Collector>>) -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::default(),
            commits: seconds(),
            records: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            calls: Family::new_with_constructor(seconds),
            waiting: Gauge::default(),
            missed: Counter::default(),
            reading: Arc::default(),
            limit,
        };
        metrics.register();
        beside
            .into_iter()
            .for_each(|beside| metrics.registry.register_collector(beside));
        Arc::new(metrics)
    }

    fn register(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("timestone");
        registry.register_with_unit(
            "commit",
            "How long it took to store what calls had changed",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register(
            "commit_records",
            "Records stored by one commit",
            self.records.clone(),
        );
        registry.register_with_unit(
            "call",
            "How long calls took, waiting for messages included; of streams, until they began",
            Unit::Seconds,
            self.calls.clone(),
        );
        registry.register(
            "waiting_workers",
            "Workers that wait for messages or are subscribed",
            self.waiting.clone(),
        );
        registry.register(
            "history_missed_events",
            "Events that history lacks, because they came too fast or it could not be written",
            self.missed.clone(),
        );
        let figures = Figures(Arc::clone(&self.reading));
        self.registry.register_collector(Box::new(figures));
    }

    /// How many queues are told of one by one.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Notes that so many records were stored.
    pub(crate) fn committed(&self, took: Duration, records: usize) {
        self.commits.observe(took.as_secs_f64());
        self.records.observe(records as f64);
    }

    /// Notes that a call was answered, whose path is that of its URL.
    pub fn called(&self, path: &str, took: Duration) {
        let name = path.strip_prefix(SERVICE);
        let known = |name| METHODS.iter().find(|method| **method == name);
        if let Some(method) = name.and_then(known) {
            let calls = self.calls.get_or_create(&[("method", *method)]);
            calls.observe(took.as_secs_f64());
        }
    }

    /// Everything measured and what was read just now, in the text format of Prometheus.
    pub fn tell(&self, reading: Reading) -> String {
        let missed = reading.missed.saturating_sub(self.missed.get());
        self.missed.inc_by(missed);
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
        let mut text = String::new();
        // A string takes all that is written to it.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// From a tenth of a millisecond to nearly a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.5, 15))
}

/// A part of what is measured of all owners of this process together.
#[derive(Debug, Default)]
pub(crate) struct Share {
    waiting: AtomicI64,
}

impl Share {
    pub(crate) fn waiting(&self, metrics: &Metrics, now: usize) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let before = self.waiting.swap(now, Ordering::Relaxed);
        metrics.waiting.inc_by(now - before);
    }
}
