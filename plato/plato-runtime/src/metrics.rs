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

const FIGURES: [Figure; 9] = [
    Figure {
        name: "plato_live_workflows",
        help: "Workflows that have not ended, in groups that this process owns",
        kind: MetricType::Gauge,
        of: |counts| counts.live,
    },
    Figure {
        name: "plato_owned_groups",
        help: "Groups of workflows that this process owns",
        kind: MetricType::Gauge,
        of: |counts| counts.groups,
    },
    Figure {
        name: "plato_events",
        help: "Events written to journals",
        kind: MetricType::Counter,
        of: |counts| counts.events,
    },
    Figure {
        name: "plato_commits",
        help: "Commits, each of all that happened in a group meanwhile",
        kind: MetricType::Counter,
        of: |counts| counts.commits,
    },
    Figure {
        name: "plato_fired_rules",
        help: "Rules that fired",
        kind: MetricType::Counter,
        of: |counts| counts.fired,
    },
    Figure {
        name: "plato_duplicate_messages",
        help: "Messages that had been handled before",
        kind: MetricType::Counter,
        of: |counts| counts.duplicates,
    },
    Figure {
        name: "plato_late_results",
        help: "Results of tries that had been given up, or of workflows that were ending",
        kind: MetricType::Counter,
        of: |counts| counts.late,
    },
    Figure {
        name: "plato_fenced_commits",
        help: "Commits refused because another process had taken the group over",
        kind: MetricType::Counter,
        of: |counts| counts.fenced,
    },
    Figure {
        name: "plato_group_recoveries",
        help: "Groups recovered from the store",
        kind: MetricType::Counter,
        of: |counts| counts.recoveries,
    },
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
