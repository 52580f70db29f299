//! Whether what came from outside is within the limits.

use std::collections::BTreeMap;

use crate::limits::{
    MAX_ATTEMPTS, MAX_BATCH, MAX_CLAUSE_VALUES, MAX_CLAUSES, MAX_DELAY_MS, MAX_DEQUEUE_QUEUES,
    MAX_DERIVED_ID_BYTES, MAX_ERROR_BYTES, MAX_ID_BYTES, MAX_INDEXED_KEYS, MAX_LEASE_MS,
    MAX_METADATA_KEY_BYTES, MAX_METADATA_PAIRS, MAX_METADATA_VALUE_BYTES, MAX_PAGE, MAX_PARTITIONS,
    MAX_PAYLOAD_BYTES, MAX_QUEUE_NAME_BYTES, MAX_REASON_BYTES, MAX_SESSION_BYTES, MAX_THEN_ENQUEUE,
    MAX_WEIGHT, MAX_WEIGHTS, MIN_LEASE_MS,
};
use crate::{
    Clause, DeadLetter, Demand, Failure, Fairness, Filter, MessageKey, NewMessage, QueueConfig,
    QueueKind, Refusal,
};

type Check = Result<(), Refusal>;

pub(crate) fn invalid(field: &'static str, problem: String) -> Refusal {
    Refusal::Invalid { field, problem }
}

fn bytes(field: &'static str, len: usize, max: usize) -> Check {
    match len <= max {
        true => Ok(()),
        false => Err(invalid(field, format!("has {len} bytes; at most {max}"))),
    }
}

fn filled(field: &'static str, text: &str, max: usize) -> Check {
    match text {
        "" => Err(invalid(field, "is empty".into())),
        _ => bytes(field, text.len(), max),
    }
}

fn between<N: PartialOrd + std::fmt::Display>(field: &'static str, n: N, min: N, max: N) -> Check {
    match n >= min && n <= max {
        true => Ok(()),
        false => Err(invalid(field, format!("is {n}; from {min} to {max}"))),
    }
}

pub(crate) fn queue_name(field: &'static str, name: &str) -> Check {
    filled(field, name, MAX_QUEUE_NAME_BYTES)
}

pub(crate) fn key(key: &MessageKey) -> Check {
    queue_name("queue", &key.queue)?;
    // A `Terminated` can be canceled as well, under its longer, derived id.
    filled("id", &key.id, MAX_DERIVED_ID_BYTES)
}

pub(crate) fn config(config: &QueueConfig) -> Check {
    let QueueConfig {
        kind,
        lease_ms,
        invisible_ms,
        attempts,
        retention_ms,
        max_depth,
        enqueue_blocked: _,
        dequeue_blocked: _,
        dead_letter,
        indexed,
        fairness,
        partitions,
    } = config;
    between("config.lease_ms", *lease_ms, MIN_LEASE_MS, MAX_LEASE_MS)?;
    between("config.invisible_ms", *invisible_ms, 0, MAX_DELAY_MS)?;
    between("config.attempts", *attempts, 1, MAX_ATTEMPTS)?;
    between("config.retention_ms", *retention_ms, 0, MAX_DELAY_MS)?;
    between("config.max_depth", *max_depth, 1, u64::MAX)?;
    if let QueueKind::Exclusive { key } = kind {
        filled("config.exclusive.key", key, MAX_METADATA_KEY_BYTES)?;
    }
    if let Some(DeadLetter { queue, copy: _ }) = dead_letter {
        queue_name("config.dead_letter.queue", queue)?;
    }
    between("config.indexed", indexed.len(), 0, MAX_INDEXED_KEYS)?;
    indexed
        .iter()
        .try_for_each(|key| filled("config.indexed", key, MAX_METADATA_KEY_BYTES))?;
    fairness.as_ref().map_or(Ok(()), self::fairness)?;
    self::partitions(*partitions, kind)
}

/// What excludes one another must be in one place.
fn partitions(partitions: u32, kind: &QueueKind) -> Check {
    let most = match kind {
        QueueKind::Simple => MAX_PARTITIONS,
        QueueKind::Exclusive { .. } => 1,
    };
    between("config.partitions", partitions, 1, most)
}

fn fairness(fairness: &Fairness) -> Check {
    let Fairness { key, weights } = fairness;
    filled("config.fairness.key", key, MAX_METADATA_KEY_BYTES)?;
    between("config.fairness.weights", weights.len(), 0, MAX_WEIGHTS)?;
    weights.iter().try_for_each(|(tenant, weight)| {
        bytes(
            "config.fairness.weights",
            tenant.len(),
            MAX_METADATA_VALUE_BYTES,
        )?;
        between("config.fairness.weights", *weight, 1, MAX_WEIGHT)
    })
}

pub(crate) fn new_message(message: &NewMessage) -> Check {
    queue_name("queue", &message.queue)?;
    filled("id", &message.id, MAX_ID_BYTES)?;
    bytes("payload", message.payload.len(), MAX_PAYLOAD_BYTES)?;
    metadata(&message.metadata)?;
    between("invisible_ms", message.invisible_ms, 0, MAX_DELAY_MS)?;
    attempts(message.attempts)?;
    message
        .reply_to
        .as_ref()
        .map_or(Ok(()), |queue| queue_name("reply_to", queue))
}

fn metadata(pairs: &BTreeMap<String, String>) -> Check {
    between("metadata", pairs.len(), 0, MAX_METADATA_PAIRS)?;
    pairs.iter().try_for_each(|(key, value)| {
        filled("metadata", key, MAX_METADATA_KEY_BYTES)?;
        bytes("metadata", value.len(), MAX_METADATA_VALUE_BYTES)
    })
}

pub(crate) fn then_enqueue(messages: &[NewMessage]) -> Check {
    between("then_enqueue", messages.len(), 0, MAX_THEN_ENQUEUE)?;
    messages.iter().try_for_each(new_message)
}

pub(crate) fn failure(failure: &Failure) -> Check {
    bytes("error", failure.error.len(), MAX_ERROR_BYTES)?;
    between("retry_in_ms", failure.retry_in_ms, 0, MAX_DELAY_MS)
}

pub(crate) fn reason(reason: &str) -> Check {
    bytes("reason", reason.len(), MAX_REASON_BYTES)
}

pub(crate) fn lease(lease_ms: Option<u64>) -> Check {
    let lease_ms = lease_ms.unwrap_or(MIN_LEASE_MS);
    between("lease_ms", lease_ms, MIN_LEASE_MS, MAX_LEASE_MS)
}

pub(crate) fn attempts(attempts: Option<u32>) -> Check {
    between("attempts", attempts.unwrap_or(1), 1, MAX_ATTEMPTS)
}

pub(crate) fn filter(filter: &Filter) -> Check {
    between("filter", filter.metadata.len(), 0, MAX_CLAUSES)?;
    filter.metadata.iter().try_for_each(clause)
}

fn clause(clause: &Clause) -> Check {
    filled("filter", &clause.key, MAX_METADATA_KEY_BYTES)?;
    between("filter", clause.any_of.len(), 1, MAX_CLAUSE_VALUES)?;
    clause
        .any_of
        .iter()
        .try_for_each(|value| bytes("filter", value.len(), MAX_METADATA_VALUE_BYTES))
}

pub(crate) fn page(limit: u32) -> Check {
    between("limit", limit, 1, MAX_PAGE)
}

pub(crate) fn credit(credit: u32) -> Check {
    between("credit", credit as usize, 1, MAX_BATCH)
}

pub(crate) fn demand(demand: &Demand) -> Check {
    between("queues", demand.queues.len(), 1, MAX_DEQUEUE_QUEUES)?;
    demand
        .queues
        .iter()
        .try_for_each(|queue| queue_name("queues", queue))?;
    between("max", demand.max as usize, 1, MAX_BATCH)?;
    lease(demand.lease_ms)?;
    demand.filter.as_ref().map_or(Ok(()), clause)?;
    filled("session.owner", &demand.session.owner, MAX_SESSION_BYTES)?;
    filled("session.boot", &demand.session.boot, MAX_SESSION_BYTES)?;
    filled("request_id", &demand.request_id, MAX_SESSION_BYTES)
}
