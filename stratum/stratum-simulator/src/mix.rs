//! What arrives, as it is written in YAML.

use serde::Deserialize;
use stratum::Shape;
use stratum_placement::{Class, Resources};

use crate::limits;

/// What arrives at a cluster over a day.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mix {
    pub name: String,
    pub about: String,
    pub host: HostKind,
    pub pools: Vec<PoolShare>,
    pub queues: Vec<Queue>,
}

/// The hosts, which are all alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HostKind {
    /// What one has to give.
    pub shape: Shape,
    /// What an hour of one costs, in hundredths of a currency.
    pub hourly_cents: u64,
}

/// A pool, directly below the cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PoolShare {
    pub name: String,
    /// Percent of the cluster's processors.
    #[serde(default)]
    pub reserved_percent: u64,
    #[serde(default = "one")]
    pub weight: u32,
}

/// A queue of invocations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Queue {
    pub name: String,
    pub pool: String,
    pub class: ClassName,
    pub shape: Shape,
    /// Mean time of one invocation.
    pub seconds: u64,
    /// Deviation of the time's logarithm, in hundredths: 50 = two thirds are within a factor 1.65.
    #[serde(default = "fifty")]
    pub spread_percent: u64,
    /// Percent of the cluster's processors that are busy with it on average.
    pub load_percent: u64,
    /// The hour of the day at which most arrives.
    #[serde(default)]
    pub peak_hour: u64,
    /// What arrives then, in percent of the mean: 100 is the same all day, 200 leaves nothing for
    /// the hour half a day away.
    #[serde(default = "hundred")]
    pub peak_percent: u64,
    /// In which an invocation should have ended.
    pub deadline_seconds: u64,
    /// What it takes until a new container can work.
    #[serde(default = "ten")]
    pub launch_seconds: u64,
    /// Workers that are always ready beside the busy ones.
    #[serde(default)]
    pub warm: u64,
    /// Invocations that one container is launched for.
    #[serde(default = "unit")]
    pub batch: u64,
}

/// A class by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassName {
    Critical,
    Preferred,
    Normal,
    Opportunistic,
}

/// Why a mix cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMix {
    #[error("{0}")]
    Yaml(String),
    #[error("{place}: {problem}")]
    Value { place: String, problem: String },
}

fn one() -> u32 {
    1
}
fn unit() -> u64 {
    1
}
fn ten() -> u64 {
    10
}
fn fifty() -> u64 {
    50
}
fn hundred() -> u64 {
    100
}

impl Mix {
    /// Reads a mix from YAML.
    ///
    /// # Errors
    /// When a field is missing, unknown or out of its range.
    pub fn from_yaml(yaml: &str) -> Result<Self, InvalidMix> {
        if yaml.len() > limits::YAML {
            let problem = format!("it is longer than {} bytes", limits::YAML);
            return Err(invalid("mix", problem));
        }
        let mix: Self =
            serde_saphyr::from_str(yaml).map_err(|error| InvalidMix::Yaml(error.to_string()))?;
        mix.check()?;
        Ok(mix)
    }

    /// The mixes that come with the platform.
    pub fn shipped() -> [(&'static str, &'static str); 3] {
        [
            ("studio", include_str!("mixes/studio.yaml")),
            ("burst", include_str!("mixes/burst.yaml")),
            ("overload", include_str!("mixes/overload.yaml")),
        ]
    }

    fn check(&self) -> Result<(), InvalidMix> {
        if self.queues.is_empty() || self.queues.len() > limits::QUEUES {
            let problem = format!("there must be 1 to {}", limits::QUEUES);
            return Err(invalid("queues", problem));
        }
        let reserved: u64 = self.pools.iter().map(|pool| pool.reserved_percent).sum();
        if reserved > 100 {
            return Err(invalid("pools", format!("they reserve {reserved} %")));
        }
        check_shape("host", &self.host.shape)?;
        self.queues
            .iter()
            .try_for_each(|queue| self.check_queue(queue))
    }

    fn check_queue(&self, queue: &Queue) -> Result<(), InvalidMix> {
        let place = format!("queue `{}`", queue.name);
        let wrong = |problem: &str| Err(invalid(&place, problem));
        check_shape(&place, &queue.shape)?;
        if !self.pools.iter().any(|pool| pool.name == queue.pool) {
            return wrong(&format!("there is no pool `{}`", queue.pool));
        }
        if !queue.demand().fits(self.host.capacity()) {
            return wrong("its shape is larger than a host");
        }
        for (field, value, range) in [
            ("seconds", queue.seconds, 1..=86_400),
            ("spreadPercent", queue.spread_percent, 0..=200),
            ("loadPercent", queue.load_percent, 0..=500),
            ("peakHour", queue.peak_hour, 0..=23),
            ("peakPercent", queue.peak_percent, 100..=200),
            ("deadlineSeconds", queue.deadline_seconds, 1..=604_800),
            ("launchSeconds", queue.launch_seconds, 0..=3_600),
            ("warm", queue.warm, 0..=100_000),
            ("batch", queue.batch, 1..=10_000),
        ] {
            if !range.contains(&value) {
                let (from, to) = range.into_inner();
                return wrong(&format!("{field} must be {from} to {to}"));
            }
        }
        Ok(())
    }
}

fn check_shape(place: &str, shape: &Shape) -> Result<(), InvalidMix> {
    let checked = shape.clone().validated();
    checked
        .map(|_| ())
        .map_err(|error| invalid(place, error.to_string()))
}

fn invalid(place: &str, problem: impl Into<String>) -> InvalidMix {
    InvalidMix::Value {
        place: place.to_owned(),
        problem: problem.into(),
    }
}

impl HostKind {
    pub fn capacity(&self) -> Resources {
        Resources::from(&self.shape)
    }
}

impl Queue {
    pub fn demand(&self) -> Resources {
        Resources::from(&self.shape)
    }
}

impl From<ClassName> for Class {
    fn from(name: ClassName) -> Self {
        match name {
            ClassName::Critical => Self::Critical,
            ClassName::Preferred => Self::Preferred,
            ClassName::Normal => Self::Normal,
            ClassName::Opportunistic => Self::Opportunistic,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_shipped_is_valid_and_has_its_name() {
        for (name, yaml) in Mix::shipped() {
            assert_eq!(Mix::from_yaml(yaml).unwrap().name, name);
        }
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        let (_, yaml) = Mix::shipped()[0];
        for (from, to, says) in [
            ("pool: film", "pool: flim", "no pool `flim`"),
            (
                "peakPercent: 180",
                "peakPercent: 300",
                "peakPercent must be 100 to 200",
            ),
            ("reservedPercent: 40", "reservedPercent: 95", "reserve"),
            ("numCpus: 4", "numCpus: 400", "larger than a host"),
            ("numCpus: 4", "numCpus: 0", "numCpus"),
            ("class: critical", "class: urgent", "urgent"),
            ("about:", "abuot:", "abuot"),
        ] {
            assert!(yaml.contains(from), "{from}");
            let error = Mix::from_yaml(&yaml.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(says), "{to}: {error}");
        }
    }
}
