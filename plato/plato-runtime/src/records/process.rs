//! A process as the others see it: when it was last heard of, and what it holds.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::{of_json, to_json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// By the store's clock, in Unix milliseconds.
    pub(crate) at_ms: i64,
    /// Groups it owns.
    pub(crate) held: u32,
}

impl Process {
    pub(crate) fn encode(self) -> Bytes {
        to_json(&self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        of_json("process", bytes)
    }
}
