//! Who refers to blobs.

use async_trait::async_trait;
use bytes::Bytes;
use store::Walk;

use crate::limits::PAGE;
use crate::{Shelf, SweepError};

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

/// Every memo of a blob store: what is remembered stays as long as its memo.
pub struct Memos<'a, S: ?Sized> {
    shelf: &'a S,
    /// The next of the 256 parts.
    next: Option<u8>,
}

impl<'a, S: Shelf + ?Sized> Memos<'a, S> {
    /// Those beside the blobs of `shelf`.
    pub fn new(shelf: &'a S) -> Self {
        let next = Some(0);
        Self { shelf, next }
    }
}

#[async_trait]
impl<S: Shelf + ?Sized> Roots for Memos<'_, S> {
    async fn next(&mut self) -> Result<Vec<Bytes>, SweepError> {
        while let Some(first) = self.next {
            self.next = first.checked_add(1);
            let memos = self.shelf.memos(first).await?;
            if !memos.is_empty() {
                return Ok(memos);
            }
        }
        Ok(Vec::new())
    }
}
