//! What functions said, read from the store.

use blob::BlobRef;
use bytes::Bytes;
use errors::Error;
use plato::limits::MAX_DEPTH;
use store::{KeyRange, StoreError};

use crate::keys::{self, Try};
use crate::records::log::KeptLog;
use crate::view::WorkflowReader;

/// What a function said in one try, where that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLog {
    pub workflow: String,
    /// The node, or the rule.
    pub node: String,
    /// The number of the task of a map, or of the firing; else 0.
    pub element: u64,
    /// Which try, from 0.
    pub generation: u32,
    /// When the try ended, in Unix milliseconds.
    pub at_ms: i64,
    /// How it failed, in a line, if it failed.
    pub error: Option<Error>,
    /// The text.
    pub log: BlobRef,
}

impl FunctionLog {
    fn of(key: &[u8], value: &[u8]) -> Result<Option<Self>, StoreError> {
        let Some(of) = keys::read_log(key) else {
            return Ok(None);
        };
        let KeptLog { at_ms, error, log } = KeptLog::decode(value)?;
        Ok(Some(Self {
            workflow: of.workflow.to_owned(),
            node: of.node.to_owned(),
            element: of.element,
            generation: of.generation,
            at_ms,
            error,
            log,
        }))
    }

    fn of_try(&self) -> Try<'_> {
        Try {
            workflow: &self.workflow,
            node: &self.node,
            element: self.element,
            generation: self.generation,
        }
    }

    /// The id of the invocation that said it.
    pub fn invocation(&self) -> String {
        self.of_try().invocation()
    }
}

/// Which logs of a workflow.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSearch<'a> {
    /// Of this node or rule; empty = of all.
    pub node: &'a str,
    /// Of this task of the node, or this firing of the rule.
    pub element: Option<u64>,
    /// Behind this one; empty begins.
    pub cursor: &'a [u8],
}

impl WorkflowReader {
    /// Up to `limit` logs of the workflow, by the names of nodes, then by element and try, and
    /// the cursor of the last; none when the cursor is of another search.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn logs(
        &self,
        workflow: &str,
        search: LogSearch<'_>,
        limit: usize,
    ) -> Result<Option<(Vec<FunctionLog>, Bytes)>, StoreError> {
        let Some(range) = rest_of(
            keys::logs(workflow, search.node, search.element),
            search.cursor,
        ) else {
            return Ok(None);
        };
        let rows = self
            .store
            .range(&self.shard(workflow), range, limit)
            .await?;
        let cursor = rows.last().map(|row| row.key.clone()).unwrap_or_default();
        let logs = rows.iter().map(|row| FunctionLog::of(&row.key, &row.value));
        let logs: Vec<_> = logs.collect::<Result<_, _>>()?;
        Ok(Some((logs.into_iter().flatten().collect(), cursor)))
    }

    /// The log of this invocation, of whichever workflow.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn log(&self, invocation: &str) -> Result<Option<FunctionLog>, StoreError> {
        for group in 0..self.groups {
            if let Some(log) = self.log_in(&self.shard_of(group), invocation).await? {
                return Ok(Some(log));
            }
        }
        Ok(None)
    }

    /// The log of the try that failed the workflow; where that was a workflow, of the try that
    /// failed that one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn failed_log(&self, workflow: &str) -> Result<Option<FunctionLog>, StoreError> {
        let mut failed = workflow.to_owned();
        for _ in 0..=MAX_DEPTH {
            let shard = self.shard(&failed);
            let Some(by) = self.store.get(&shard, &keys::failed_by(&failed)).await? else {
                return Ok(None);
            };
            failed = String::from_utf8_lossy(&by).into_owned();
            if let Some(log) = self.log_in(&shard, &failed).await? {
                return Ok(Some(log));
            }
        }
        Ok(None)
    }

    async fn log_in(
        &self,
        shard: &str,
        invocation: &str,
    ) -> Result<Option<FunctionLog>, StoreError> {
        let Some(key) = self.store.get(shard, &keys::log_of(invocation)).await? else {
            return Ok(None);
        };
        let value = self.store.get(shard, &key).await?;
        value.map_or(Ok(None), |value| FunctionLog::of(&key, &value))
    }
}

/// The range behind the cursor, if that lies in it.
fn rest_of(range: KeyRange, cursor: &[u8]) -> Option<KeyRange> {
    use std::ops::RangeBounds;
    match cursor.is_empty() {
        true => Some(range),
        false => {
            let cursor = Bytes::copy_from_slice(cursor);
            let is_in = range.bounds().contains(&cursor);
            is_in.then(|| range.after(cursor))
        }
    }
}
