//! Who refers to blobs.

use async_trait::async_trait;
use bytes::Bytes;
use store::Walk;

use crate::SweepError;
use crate::limits::PAGE;

/// Something that refers to blobs, read from one end to the other.
#[async_trait]
pub trait Roots: Send {
    /// More of what is kept, as it is kept; nothing when that was all.
    async fn next(&mut self) -> Result<Vec<Bytes>, SweepError>;
}

/// Every record of a store.
pub struct Walked(Box<dyn Walk>);

impl Walked {
    /// All that the walk meets.
    pub fn new(walk: Box<dyn Walk>) -> Self {
        Self(walk)
    }
}

#[async_trait]
impl Roots for Walked {
    async fn next(&mut self) -> Result<Vec<Bytes>, SweepError> {
        let records = self.0.next(PAGE).await?;
        Ok(records
            .into_iter()
            .map(|record| record.entry.value)
            .collect())
    }
}
