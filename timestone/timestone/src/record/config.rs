//! The configuration of a queue.

use bytes::Bytes;

use super::RecordError;
use super::codec::{Reader, Writer};
use crate::QueueConfig;

const VERSION: u8 = 1;

pub(crate) fn encode(config: &QueueConfig) -> Bytes {
    let QueueConfig {
        lease_ms,
        attempts,
        retention_ms,
        max_depth,
    } = config;
    let mut writer = Writer::new(VERSION);
    writer.number(*lease_ms).number(*attempts);
    writer.number(*retention_ms).number(*max_depth);
    writer.finish()
}

pub(crate) fn decode(value: Bytes) -> Result<QueueConfig, RecordError> {
    let mut reader = Reader::new("queue", VERSION, value)?;
    let config = QueueConfig {
        lease_ms: reader.number()?,
        attempts: reader.narrow()?,
        retention_ms: reader.number()?,
        max_depth: reader.number()?,
    };
    reader.finish()?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_configuration_survives(lease_ms: u64, attempts: u32, retention_ms: u64, max_depth: u64) {
            let config = QueueConfig { lease_ms, attempts, retention_ms, max_depth };
            prop_assert_eq!(decode(encode(&config)).unwrap(), config);
        }

        #[test]
        fn any_bytes_are_a_configuration_or_an_error(value: Vec<u8>) {
            let _ = decode(value.into());
        }
    }
}
