//! Queues and their configuration.

use proto::timestone::v1 as wire;
use timestone::{DeadLetter, Fairness, QueueConfig, QueueKind, QueueView};

use super::convert::{Inward, Outward, Problem, required};
use super::message::some;

impl Outward for QueueConfig {
    type Wire = wire::QueueConfig;

    fn outward(self) -> wire::QueueConfig {
        let Self {
            kind,
            lease_ms,
            invisible_ms,
            attempts,
            retention_ms,
            max_depth,
            enqueue_blocked,
            dequeue_blocked,
            dead_letter,
            indexed,
            fairness,
            partitions,
        } = self;
        wire::QueueConfig {
            lease_ms,
            attempts,
            retention_ms,
            max_depth,
            invisible_ms,
            exclusive: to_exclusive(kind).into(),
            enqueue_blocked,
            dequeue_blocked,
            dead_letter: dead_letter.map(to_dead_letter).into(),
            indexed_keys: indexed.into_iter().collect(),
            fairness: fairness.map(to_fairness).into(),
            partitions,
            ..Default::default()
        }
    }
}

impl Inward<wire::QueueConfig> for QueueConfig {
    fn inward(config: wire::QueueConfig) -> Result<Self, Vec<Problem>> {
        let default = Self::default();
        Ok(Self {
            kind: of_exclusive(config.exclusive.into_option()),
            lease_ms: some(config.lease_ms).unwrap_or(default.lease_ms),
            invisible_ms: config.invisible_ms,
            attempts: some(config.attempts).unwrap_or(default.attempts),
            retention_ms: some(config.retention_ms).unwrap_or(default.retention_ms),
            max_depth: some(config.max_depth).unwrap_or(default.max_depth),
            enqueue_blocked: config.enqueue_blocked,
            dequeue_blocked: config.dequeue_blocked,
            dead_letter: config.dead_letter.into_option().map(of_dead_letter),
            indexed: config.indexed_keys.into_iter().collect(),
            fairness: config.fairness.into_option().map(of_fairness),
            partitions: some(config.partitions).unwrap_or(default.partitions),
        })
    }
}

fn to_exclusive(kind: QueueKind) -> Option<wire::Exclusive> {
    match kind {
        QueueKind::Simple => None,
        QueueKind::Exclusive { key } => Some(wire::Exclusive {
            key,
            ..Default::default()
        }),
    }
}

fn of_exclusive(exclusive: Option<wire::Exclusive>) -> QueueKind {
    match exclusive {
        None => QueueKind::Simple,
        Some(wire::Exclusive { key, .. }) => QueueKind::Exclusive { key },
    }
}

fn to_dead_letter(policy: DeadLetter) -> wire::DeadLetter {
    wire::DeadLetter {
        queue: policy.queue,
        copy: policy.copy,
        ..Default::default()
    }
}

fn of_dead_letter(policy: wire::DeadLetter) -> DeadLetter {
    DeadLetter {
        queue: policy.queue,
        copy: policy.copy,
    }
}

fn to_fairness(fairness: Fairness) -> wire::Fairness {
    wire::Fairness {
        key: fairness.key,
        weights: fairness.weights.into_iter().collect(),
        ..Default::default()
    }
}

fn of_fairness(fairness: wire::Fairness) -> Fairness {
    Fairness {
        key: fairness.key,
        weights: fairness.weights.into_iter().collect(),
    }
}

impl Outward for QueueView {
    type Wire = wire::QueueView;

    fn outward(self) -> wire::QueueView {
        wire::QueueView {
            config: Some(self.config.outward()).into(),
            configured: self.configured,
            deleting: self.deleting,
            count: Some(self.count.outward()).into(),
            ..Default::default()
        }
    }
}

impl Inward<wire::QueueView> for QueueView {
    fn inward(view: wire::QueueView) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            config: required("config", view.config.into_option())?,
            configured: view.configured,
            deleting: view.deleting,
            count: required("count", view.count.into_option())?,
        })
    }
}
