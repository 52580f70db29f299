//! What is read of the queues when Prometheus asks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use timestone::{Happening, QueueStats, Stats};

/// The label of all queues that are not told of one by one.
const OTHERS: &str = "(other queues)";

/// What was read at one moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub stats: Stats,
    /// Shards of queues that this process owns.
    pub owned: u64,
    /// Events that history lacks.
    pub missed: u64,
}

impl Reading {
    /// Takes what was read of another shard as well.
    pub(super) fn add(&mut self, stats: Stats) {
        let (others, queues): (Vec<_>, Vec<_>) = stats
            .queues
            .into_iter()
            .partition(|stats| stats.count.queue == OTHERS);
        queues.into_iter().for_each(|stats| self.add_queue(stats));
        let others = others.iter().chain([&stats.rest]);
        others.for_each(|others| self.stats.rest.add(others));
        self.stats.now = self.stats.now.max(stats.now);
        self.owned += 1;
    }

    /// A queue may have a part in each shard.
    fn add_queue(&mut self, stats: QueueStats) {
        let mut known = self.stats.queues.iter_mut();
        match known.find(|known| known.count.queue == stats.count.queue) {
            Some(known) => known.add(&stats),
            None => self.stats.queues.push(stats),
        }
    }

    fn queues(&self) -> impl Iterator<Item = (&str, &QueueStats)> {
        let queues = self.stats.queues.iter();
        let queues = queues.map(|stats| (stats.count.queue.as_str(), stats));
        queues.chain([(OTHERS, &self.stats.rest)])
    }
}

/// Tells the newest reading.
#[derive(Debug)]
pub(super) struct Figures(pub(super) Arc<Mutex<Reading>>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages(&reading, &mut encoder)?;
        pending(&reading, &mut encoder)?;
        oldest(&reading, &mut encoder)?;
        events(&reading, &mut encoder)?;
        let owned = ConstGauge::new(reading.owned);
        let metric = encoder.encode_descriptor(
            "timestone_owned_shards",
            "Shards of queues that this process owns",
            None,
            MetricType::Gauge,
        )?;
        owned.encode(metric)
    }
}

fn messages(reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Messages of a queue by state; of ended ones those that are remembered";
    let mut metric =
        encoder.encode_descriptor("timestone_messages", help, None, MetricType::Gauge)?;
    for (queue, QueueStats { count, .. }) in reading.queues() {
        let states = [
            ("invisible", count.invisible),
            ("pending", count.pending),
            ("running", count.running),
            ("completed", count.completed),
            ("canceled", count.canceled),
            ("errored", count.errored),
        ];
        for (state, count) in states {
            let labels = [("queue", queue), ("state", state)];
            metric.encode_family(&labels)?.encode_gauge(&count)?;
        }
    }
    Ok(())
}

fn pending(reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let name = "timestone_pending_messages";
    let help = "Pending messages by how urgent they are, their priorities read as deadlines in Unix milliseconds";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (queue, stats) in reading.queues() {
        let classes = [
            ("overdue", stats.overdue),
            ("within_hour", stats.within_hour),
            ("later", stats.later),
        ];
        for (class, count) in classes {
            let labels = [("queue", queue), ("class", class)];
            metric.encode_family(&labels)?.encode_gauge(&count)?;
        }
    }
    Ok(())
}

fn oldest(reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let name = "timestone_oldest_pending_age_seconds";
    let help = "How long the oldest pending message has been pending, or since this process owns its queue; 0 where there is none";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (queue, stats) in reading.queues() {
        let age = stats.oldest.map_or(0, |oldest| reading.stats.now - oldest);
        let labels = [("queue", queue)];
        let seconds = age.max(0) as f64 / 1_000.0;
        metric.encode_family(&labels)?.encode_gauge(&seconds)?;
    }
    Ok(())
}

fn events(reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "What happened to messages since this process owns their queue";
    let mut metric =
        encoder.encode_descriptor("timestone_events", help, None, MetricType::Counter)?;
    for (queue, stats) in reading.queues() {
        for (happening, count) in Happening::ALL.iter().zip(stats.happened) {
            let labels = [("queue", queue), ("event", happening.name())];
            let mut metric = metric.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}
