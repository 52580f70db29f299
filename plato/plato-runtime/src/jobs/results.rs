//! The results of the elements of a map, as the rows of its tasks hold them.

use blob::list::ListReader;
use bytes::Bytes;
use errors::Error;
use plato::{Value, json};
use store::{Entry, KeyRange};

use super::context::unlisted;
use super::{Jobs, NodeOf, unreadable};
use crate::keys;

/// Rows read at a time.
const READ: usize = 1_024;

/// The rows of a map, some at a time.
pub(super) struct Rows<'a> {
    jobs: &'a Jobs,
    shard: String,
    rest: Option<KeyRange>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(jobs: &'a Jobs, of: &NodeOf) -> Self {
        let range = KeyRange::prefix(&keys::results_prefix(&of.workflow, of.node, of.run));
        Self {
            jobs,
            shard: jobs.shard(),
            rest: Some(range),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        let Some(range) = self.rest.take() else {
            return Ok(None);
        };
        let store = &self.jobs.shared.store;
        let read = self
            .jobs
            .read(|| store.range(&self.shard, range.clone(), READ))
            .await;
        let chunk = read.map_err(unreadable)?;
        if let Some(last) = chunk.last().filter(|_| chunk.len() == READ) {
            self.rest = Some(range.after(last.key.clone()));
        }
        Ok(Some(chunk))
    }
}

/// How many results a task of several elements answered with.
pub(crate) fn count(answer: &Value) -> Result<u64, Error> {
    match &answer.list {
        Some(list) => Ok(list.count),
        None => Ok(json::items(&answer.inline)?.len() as u64),
    }
}

/// The results in the row of a task that was given so many elements: encoded values.
pub(super) async fn of_row(jobs: &Jobs, row: &Bytes, elements: u64) -> Result<Vec<Bytes>, Error> {
    let value = crate::records::decode_value(row).map_err(unreadable)?;
    // All of them failed by the same error.
    if value.error.is_some() {
        return Ok((0..elements).map(|_| row.clone()).collect());
    }
    match value.list {
        Some(list) => {
            let mut reader = ListReader::open(&jobs.shared.blobs, list)
                .await
                .map_err(unlisted)?;
            let mut results = Vec::new();
            for page in 0..reader.page_count() {
                let page = reader.page(page).await.map_err(unlisted)?;
                results.extend(page.iter().map(crate::records::encode_value));
            }
            Ok(results)
        }
        None => {
            let items = json::items(&value.inline)?.into_iter();
            let inline = items.map(|item| Value::inline(item.to_vec()));
            Ok(inline
                .map(|value| crate::records::encode_value(&value))
                .collect())
        }
    }
}
