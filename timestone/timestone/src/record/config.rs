//! A queue that was configured, or is being deleted.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::RecordError;
use super::codec::{Reader, Writer};
use crate::queue::Queue;
use crate::{DeadLetter, Fairness, QueueConfig, QueueKind};

/// Version 1 ends with the depth, 2 with the fairness.
const VERSION: u8 = 3;

/// What is remembered of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredQueue {
    pub(crate) config: Option<QueueConfig>,
    pub(crate) deleting: bool,
}

impl StoredQueue {
    /// `None`: there is nothing to remember.
    pub(crate) fn of(queue: &Queue) -> Option<Self> {
        let stored = Self {
            config: queue.config.clone(),
            deleting: queue.deleting,
        };
        (stored.config.is_some() || stored.deleting).then_some(stored)
    }
}

pub(crate) fn encode(stored: &StoredQueue) -> Bytes {
    let default = QueueConfig::default();
    let QueueConfig {
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
    } = stored.config.as_ref().unwrap_or(&default);
    let mut writer = Writer::new(VERSION);
    writer.number(*lease_ms).number(*attempts);
    writer.number(*retention_ms).number(*max_depth);
    writer
        .number(stored.config.is_some())
        .number(stored.deleting);
    writer.number(*invisible_ms);
    writer.number(*enqueue_blocked).number(*dequeue_blocked);
    put_kind(&mut writer, kind);
    put_dead_letter(&mut writer, dead_letter);
    writer.number(indexed.len() as u64);
    for key in indexed {
        writer.text(key);
    }
    put_fairness(&mut writer, fairness);
    writer.number(*partitions);
    writer.finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<StoredQueue, RecordError> {
    let (mut reader, version) = Reader::new("queue", VERSION, value)?;
    let mut config = QueueConfig {
        lease_ms: reader.number()?,
        attempts: reader.narrow()?,
        retention_ms: reader.number()?,
        max_depth: reader.number()?,
        ..QueueConfig::default()
    };
    let (mut configured, mut deleting) = (true, false);
    if version > 1 {
        (configured, deleting) = (reader.present()?, reader.present()?);
        config.invisible_ms = reader.number()?;
        config.enqueue_blocked = reader.present()?;
        config.dequeue_blocked = reader.present()?;
        config.kind = take_kind(&mut reader)?;
        config.dead_letter = take_dead_letter(&mut reader)?;
        config.indexed = take_indexed(&mut reader)?;
        config.fairness = take_fairness(&mut reader)?;
    }
    if version > 2 {
        config.partitions = reader.narrow()?;
    }
    reader.finish()?;
    Ok(StoredQueue {
        config: configured.then_some(config),
        deleting,
    })
}

fn put_kind(writer: &mut Writer, kind: &QueueKind) {
    match kind {
        QueueKind::Simple => writer.number(0_u8),
        QueueKind::Exclusive { key } => writer.number(1_u8).text(key),
    };
}

fn take_kind(reader: &mut Reader<'_>) -> Result<QueueKind, RecordError> {
    match reader.number()? {
        0 => Ok(QueueKind::Simple),
        1 => Ok(QueueKind::Exclusive {
            key: reader.text()?.into(),
        }),
        _ => Err(reader.error("an unknown kind")),
    }
}

fn put_dead_letter(writer: &mut Writer, policy: &Option<DeadLetter>) {
    writer.present(policy);
    if let Some(DeadLetter { queue, copy }) = policy {
        writer.text(queue).number(*copy);
    }
}

fn take_dead_letter(reader: &mut Reader<'_>) -> Result<Option<DeadLetter>, RecordError> {
    match reader.present()? {
        false => Ok(None),
        true => Ok(Some(DeadLetter {
            queue: reader.text()?.into(),
            copy: reader.present()?,
        })),
    }
}

fn take_indexed(reader: &mut Reader<'_>) -> Result<BTreeSet<String>, RecordError> {
    let keys = reader.number()?;
    (0..keys).map(|_| Ok(reader.text()?.into())).collect()
}

fn put_fairness(writer: &mut Writer, fairness: &Option<Fairness>) {
    writer.present(fairness);
    if let Some(Fairness { key, weights }) = fairness {
        writer.text(key).number(weights.len() as u64);
        for (tenant, weight) in weights {
            writer.text(tenant).number(*weight);
        }
    }
}

fn take_fairness(reader: &mut Reader<'_>) -> Result<Option<Fairness>, RecordError> {
    if !reader.present()? {
        return Ok(None);
    }
    let key = reader.text()?.into();
    let weights = take_weights(reader)?;
    Ok(Some(Fairness { key, weights }))
}

fn take_weights(reader: &mut Reader<'_>) -> Result<BTreeMap<String, u32>, RecordError> {
    let weights = reader.number()?;
    (0..weights)
        .map(|_| Ok((reader.text()?.into(), reader.narrow()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::{btree_map, btree_set};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn any_kind() -> impl Strategy<Value = QueueKind> {
        let exclusive = ".{0,9}".prop_map(|key| QueueKind::Exclusive { key });
        prop_oneof![Just(QueueKind::Simple), exclusive]
    }

    fn any_config() -> impl Strategy<Value = QueueConfig> {
        let numbers = any::<(u64, u64, u32, u64, u64, u32)>();
        let letters = (".{0,9}", any::<bool>());
        let fair = (".{0,9}", btree_map(".{0,5}", any::<u32>(), 0..4));
        let rest = (
            any_kind(),
            any::<(bool, bool)>(),
            option::of(letters),
            btree_set(".{0,5}", 0..4),
            option::of(fair),
        );
        (numbers, rest).prop_map(
            |(numbers, (kind, blocked, letters, indexed, fair))| QueueConfig {
                kind,
                lease_ms: numbers.0,
                invisible_ms: numbers.1,
                attempts: numbers.2,
                retention_ms: numbers.3,
                max_depth: numbers.4,
                enqueue_blocked: blocked.0,
                dequeue_blocked: blocked.1,
                dead_letter: letters.map(|(queue, copy)| DeadLetter { queue, copy }),
                indexed,
                fairness: fair.map(|(key, weights)| Fairness { key, weights }),
                partitions: numbers.5,
            },
        )
    }

    #[test]
    fn a_queue_of_version_1_is_read() {
        let stored = b"\x01\xb0\xea\x01\x10\x80\xb8\x99\x29\x07";
        let expected = QueueConfig {
            lease_ms: 30_000,
            attempts: 16,
            retention_ms: 86_400_000,
            max_depth: 7,
            ..QueueConfig::default()
        };
        assert_eq!(decode(stored).unwrap().config, Some(expected));
    }

    proptest! {
        #[test]
        fn a_configuration_survives(config in option::of(any_config()), deleting: bool) {
            let stored = StoredQueue { config, deleting };
            prop_assert_eq!(decode(&encode(&stored)).unwrap(), stored);
        }

        #[test]
        fn any_bytes_are_a_configuration_or_an_error(mut value: Vec<u8>, version in 1..=VERSION) {
            if let Some(first) = value.first_mut() {
                *first = version;
            }
            let _ = decode(&value);
        }
    }
}
