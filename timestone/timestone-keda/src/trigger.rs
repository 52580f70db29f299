//! What the trigger of a ScaledObject asks for, in its `metadata`.

use std::collections::BTreeMap;

use errors::Error;
use timestone::QueueCount;

/// Queues of one trigger.
const MAX_QUEUES: usize = 64;

/// What is to be measured, and what of it one worker is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trigger {
    pub(crate) queues: Vec<String>,
    /// Messages for each worker.
    pub(crate) target: f64,
    /// There is work when there are more messages than this.
    pub(crate) idle: f64,
    /// Whether messages that wait for their time count.
    pub(crate) invisible: bool,
}

impl Trigger {
    /// Tells everything that is wrong.
    pub(crate) fn of(metadata: &BTreeMap<String, String>) -> Result<Self, Vec<Error>> {
        let mut problems = Vec::new();
        let mut read = |key: &str, problem: &str| {
            problems.push(
                Error::user("INVALID_ARGUMENT", format!("{key} {problem}"))
                    .at(format!("scaledObjectRef.scalerMetadata.{key}"))
                    .hint("set it in the metadata of the ScaledObject's trigger"),
            );
        };
        let trigger = Self {
            queues: queues(metadata).unwrap_or_else(|problem| {
                read("queues", problem);
                Vec::new()
            }),
            target: number(metadata, "messagesPerWorker", 1.0)
                .filter(|target| *target > 0.0)
                .unwrap_or_else(|| {
                    read("messagesPerWorker", "is not a number above 0");
                    1.0
                }),
            idle: number(metadata, "activationMessages", 0.0).unwrap_or_else(|| {
                read("activationMessages", "is not a number from 0 on");
                0.0
            }),
            invisible: flag(metadata, "includeInvisible").unwrap_or_else(|| {
                read("includeInvisible", "is neither true nor false");
                false
            }),
        };
        match problems.is_empty() {
            true => Ok(trigger),
            false => Err(problems),
        }
    }

    /// How much work these counts are.
    pub(crate) fn work<'a>(&self, counts: impl IntoIterator<Item = &'a QueueCount>) -> u64 {
        let work = |count: &QueueCount| {
            let invisible = if self.invisible { count.invisible } else { 0 };
            count.pending + count.running + invisible
        };
        counts.into_iter().map(work).sum()
    }

    /// Whether so much work is any.
    pub(crate) fn is_active(&self, work: u64) -> bool {
        work as f64 > self.idle
    }
}

fn queues(metadata: &BTreeMap<String, String>) -> Result<Vec<String>, &'static str> {
    let named = metadata
        .get("queues")
        .map(String::as_str)
        .unwrap_or_default();
    let names = named
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    match names.len() {
        0 => Err("is missing: name one queue or several, with commas between them"),
        1..=MAX_QUEUES => Ok(names),
        _ => Err("names more than 64 queues"),
    }
}

/// `None` where it is none, or below 0.
fn number(metadata: &BTreeMap<String, String>, key: &str, default: f64) -> Option<f64> {
    let Some(text) = metadata.get(key) else {
        return Some(default);
    };
    let number: f64 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn flag(metadata: &BTreeMap<String, String>, key: &str) -> Option<bool> {
    metadata
        .get(key)
        .map_or(Some(false), |text| text.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn a_trigger_is_read_with_its_defaults() {
        let scaler = ("scalerAddress", "cosmos:7402");
        let trigger = Trigger::of(&metadata(&[("queues", "b, a,b"), scaler])).unwrap();
        assert_eq!(trigger.queues, ["a", "b"]);
        assert_eq!(
            (trigger.target, trigger.idle, trigger.invisible),
            (1.0, 0.0, false)
        );
        let all = metadata(&[
            ("queues", "a"),
            ("messagesPerWorker", "2.5"),
            ("activationMessages", "3"),
            ("includeInvisible", "true"),
        ]);
        let trigger = Trigger::of(&all).unwrap();
        assert_eq!(
            (trigger.target, trigger.idle, trigger.invisible),
            (2.5, 3.0, true)
        );
        let count = QueueCount {
            pending: 1,
            running: 2,
            invisible: 4,
            completed: 8,
            ..QueueCount::default()
        };
        assert_eq!(trigger.work([&count]), 7);
        assert!(trigger.is_active(4) && !trigger.is_active(3));
    }

    #[test]
    fn everything_that_is_wrong_is_told_by_its_key() {
        let wrong = metadata(&[
            ("messagesPerWorker", "0"),
            ("activationMessages", "-1"),
            ("includeInvisible", "perhaps"),
        ]);
        let problems = Trigger::of(&wrong).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| &problem.message).collect();
        assert_eq!(told.len(), 4);
        for key in [
            "queues",
            "messagesPerWorker",
            "activationMessages",
            "includeInvisible",
        ] {
            assert!(told.iter().any(|told| told.starts_with(key)), "{told:?}");
        }
    }
}
