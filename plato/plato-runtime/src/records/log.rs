//! What a function said in one try, and how that ended.

use blob::BlobRef;
use buffa::Message;
use bytes::Bytes;
use errors::Error;
use proto::plato::v1 as wire;
use store::StoreError;

use super::corrupt;

/// The log of one try. The text itself is a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptLog {
    /// When the try ended, in Unix milliseconds.
    pub(crate) at_ms: i64,
    /// How it failed, in a line, if it failed.
    pub(crate) error: Option<Error>,
    pub(crate) log: BlobRef,
}

impl KeptLog {
    pub(crate) fn of(at_ms: i64, error: Option<&Error>, log: BlobRef) -> Self {
        Self {
            at_ms,
            error: error.map(plato::brief),
            log,
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        wire::FunctionLog::from(self.clone()).encode_to_vec().into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let log = wire::FunctionLog::decode_from_slice(bytes);
        let log = log.map_err(|problem| corrupt("log", problem))?;
        let blob = BlobRef::try_from(log.log.into_option().unwrap_or_default());
        Ok(Self {
            at_ms: log.at_unix_ms,
            error: log.error.into_option().map(Error::from),
            log: blob.map_err(|problem| corrupt("log", problem))?,
        })
    }
}

impl From<KeptLog> for wire::FunctionLog {
    fn from(log: KeptLog) -> Self {
        Self {
            at_unix_ms: log.at_ms,
            error: log.error.map(Into::into).into(),
            log: Some(log.log.into()).into(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn logs_are_read_as_they_were_kept() {
        let kept = KeptLog {
            at_ms: 7,
            error: Some(Error::function("EXIT_3", "it ended with 3")),
            log: BlobRef {
                store: "local".into(),
                digest: blob::Digest::of(b"said"),
                size: 4,
                content_type: "text/plain".into(),
            },
        };
        assert_eq!(KeptLog::decode(&kept.encode()).unwrap(), kept);
        let good = KeptLog {
            error: None,
            ..kept
        };
        assert_eq!(KeptLog::decode(&good.encode()).unwrap(), good);
        assert!(KeptLog::decode(&[0xff]).is_err());
        assert!(KeptLog::decode(&[]).is_err());
    }
}
