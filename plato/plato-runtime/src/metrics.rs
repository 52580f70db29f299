//! The engines of a process in numbers, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::PlatoRuntime;
use crate::counters::{Counters, Counts};

/// What the engines of a process count, by service. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Engines(Arc<Mutex<BTreeMap<String, Arc<Counters>>>>);

impl Engines {
    /// Tells of this engine too, from now on.
    pub fn add(&self, engine: &PlatoRuntime) {
        let (service, counters) = engine.counted();
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engines.insert(service, counters);
    }

    /// All of it, in the text format of Prometheus.
    pub fn tell(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // A string takes all that is written to it.
        let _ = prometheus_text::encode(&mut text, &registry);
        text
    }

    /// Tells it at `/metrics`, for [`rpc::Server::routes`].
    pub fn routes(&self) -> rpc::Routes {
        let engines = self.clone();
        rpc::metrics(move || std::future::ready(engines.tell()))
    }

    fn read(&self) -> Vec<(String, Counts)> {
        let engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let engines = engines.iter();
        engines
            .map(|(service, counters)| (service.clone(), counters.read()))
            .collect()
    }
}

/// One figure of an engine.
struct Figure {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    of: fn(&Counts) -> u64,
}

impl Figure {
    const fn gauge(name: &'static str, help: &'static str, of: fn(&Counts) -> u64) -> Self {
        let kind = MetricType::Gauge;
        Self {
            name,
            help,
            kind,
            of,
        }
    }

    const fn counter(name: &'static str, help: &'static str, of: fn(&Counts) -> u64) -> Self {
        let kind = MetricType::Counter;
        Self {
            name,
            help,
            kind,
            of,
        }
    }
}

const FIGURES: [Figure; 9] = [
    Figure::gauge(
        "plato_live_workflows",
        "Workflows that have not ended, in groups that this process owns",
        |counts| counts.live,
    ),
    Figure::gauge(
        "plato_owned_groups",
        "Groups of workflows that this process owns",
        |counts| counts.groups,
    ),
    Figure::counter("plato_events", "Events written to journals", |counts| {
        counts.events
    }),
    Figure::counter(
        "plato_commits",
        "Commits, each of all that happened in a group meanwhile",
        |counts| counts.commits,
    ),
    Figure::counter("plato_fired_rules", "Rules that fired", |counts| {
        counts.fired
    }),
    Figure::counter(
        "plato_duplicate_messages",
        "Messages that had been handled before",
        |counts| counts.duplicates,
    ),
    Figure::counter(
        "plato_late_results",
        "Results of tries that had been given up, or of workflows that were ending",
        |counts| counts.late,
    ),
    Figure::counter(
        "plato_fenced_commits",
        "Commits refused because another process had taken the group over",
        |counts| counts.fenced,
    ),
    Figure::counter(
        "plato_group_recoveries",
        "Groups recovered from the store",
        |counts| counts.recoveries,
    ),
];

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let engines = self.read();
        if engines.is_empty() {
            return Ok(());
        }
        for figure in &FIGURES {
            encode(figure, &engines, &mut encoder)?;
        }
        ended(&engines, &mut encoder)
    }
}

fn encode(
    figure: &Figure,
    engines: &[(String, Counts)],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(figure.name, figure.help, None, figure.kind)?;
    for (service, counts) in engines {
        let labels = [("service", service.as_str())];
        let (value, mut metric) = ((figure.of)(counts), metric.encode_family(&labels)?);
        match figure.kind {
            MetricType::Counter => metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?,
            _ => metric.encode_gauge(&value)?,
        }
    }
    Ok(())
}

fn ended(engines: &[(String, Counts)], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (name, help) = ("plato_ended_workflows", "Workflows that ended, and how");
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (service, counts) in engines {
        let ends = [
            ("succeeded", counts.succeeded),
            ("failed", counts.failed),
            ("canceled", counts.canceled),
        ];
        for (state, count) in ends {
            let labels = [("service", service.as_str()), ("state", state)];
            let mut metric = metric.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}
