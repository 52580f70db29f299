//! The results of a map, sealed into a list in the order of its elements. The
//! results are read twice, to find the size of a page and to write the pages, so
//! that no more than one page is in memory.

use std::sync::Arc;

use blob::list::PAGE_BYTES;
use blob::{BlobError, BlobRef, ListRef};
use buffa::Message;
use bytes::Bytes;
use errors::Error;
use plato::Value;
use proto::base::v1 as wire;
use store::Entry;

use super::results::{self, Rows};
use super::{Jobs, NodeOf, Outcome};
use crate::keys;
use crate::shared::backoff;

/// Times a list is written again before its map fails.
const TRIES: u32 = 8;
/// Elements in one page at most.
const PAGE_ELEMENTS: usize = 4_096;
/// Tag and length around one element of a page.
const FRAMING: usize = 6;

const PAGE_TYPE: &str = "application/x-protobuf; type=base.v1.ListPage";
const INDEX_TYPE: &str = "application/x-protobuf; type=base.v1.ListIndex";

/// How many results there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Rows of them: one of each task.
    pub(crate) tasks: u64,
    pub(crate) elements: u64,
    /// Elements of each task but the last, where that may be several.
    pub(crate) batch: Option<u64>,
}

impl Counts {
    /// The results in a row: encoded values.
    async fn results(self, jobs: &Jobs, row: &Entry) -> Result<Vec<Bytes>, Error> {
        let Some(batch) = self.batch else {
            return Ok(vec![row.value.clone()]);
        };
        let task = keys::last_number(&row.key).unwrap_or_default();
        let elements = self.elements.saturating_sub(task * batch).min(batch);
        results::of_row(jobs, &row.value, elements).await
    }
}

pub(super) async fn run(jobs: &Jobs, of: NodeOf, counts: Counts) {
    let mut failures = 0;
    let result = loop {
        match seal(jobs, &of, counts).await {
            Err(error) if error.is_retryable() && failures < TRIES => {
                tracing::warn!(workflow = %of.workflow, %error, "results cannot be sealed; trying again");
                failures += 1;
                jobs.shared.sleep(backoff(failures + 2)).await;
            }
            result => break result,
        }
    };
    let (workflow, node, run) = (Arc::clone(&of.workflow), of.node, of.run);
    jobs.tell(Outcome::Sealed {
        workflow,
        node,
        run,
        result,
    })
    .await;
}

async fn seal(jobs: &Jobs, of: &NodeOf, counts: Counts) -> Result<Value, Error> {
    let page_size = page_size(jobs, of, counts).await?;
    let mut pages = Pages {
        jobs,
        page_size,
        page: Vec::new(),
        written: Vec::new(),
    };
    let mut rows = Rows::new(jobs, of);
    while let Some(chunk) = rows.next().await? {
        for row in chunk {
            for result in counts.results(jobs, &row).await? {
                pages.push(&result).await?;
            }
        }
    }
    let index = pages.finish().await?;
    let count = counts.elements;
    Ok(Value {
        list: Some(ListRef { index, count }),
        ..Value::default()
    })
}

/// As many elements as fit a page wherever in the list it lies.
async fn page_size(jobs: &Jobs, of: &NodeOf, counts: Counts) -> Result<usize, Error> {
    let (mut largest, mut next, mut elements) = (1, 0, 0);
    let mut rows = Rows::new(jobs, of);
    while let Some(chunk) = rows.next().await? {
        for row in chunk {
            if keys::last_number(&row.key) != Some(next) {
                return Err(missing(next));
            }
            let results = counts.results(jobs, &row).await?;
            largest = results.iter().map(Bytes::len).fold(largest, usize::max);
            elements += results.len() as u64;
            next += 1;
        }
    }
    match (next, elements) == (counts.tasks, counts.elements) {
        true => Ok((PAGE_BYTES / (largest + FRAMING)).clamp(1, PAGE_ELEMENTS)),
        false => Err(missing(next)),
    }
}

fn missing(task: u64) -> Error {
    Error::platform(
        "RESULT_MISSING",
        format!("the store does not hold all results of task {task}"),
    )
    .hint("check the store for damage")
}

/// The pages of a list, written one after the other.
struct Pages<'a> {
    jobs: &'a Jobs,
    page_size: usize,
    page: Vec<wire::Value>,
    written: Vec<wire::BlobRef>,
}

impl Pages<'_> {
    async fn push(&mut self, encoded: &[u8]) -> Result<(), Error> {
        let value = wire::Value::decode_from_slice(encoded);
        self.page.push(
            value.map_err(|problem| Error::platform("STORE_UNREADABLE", problem.to_string()))?,
        );
        match self.page.len() == self.page_size {
            true => self.write().await,
            false => Ok(()),
        }
    }

    async fn write(&mut self) -> Result<(), Error> {
        let elements = std::mem::take(&mut self.page);
        let page = wire::ListPage {
            elements,
            ..Default::default()
        };
        let blob = self.put(page.encode_to_vec().into(), PAGE_TYPE).await?;
        self.written.push(blob.into());
        Ok(())
    }

    async fn finish(mut self) -> Result<BlobRef, Error> {
        if !self.page.is_empty() {
            self.write().await?;
        }
        let index = wire::ListIndex {
            page_size: u32::try_from(self.page_size).unwrap_or(u32::MAX),
            pages: std::mem::take(&mut self.written),
            ..Default::default()
        };
        self.put(index.encode_to_vec().into(), INDEX_TYPE).await
    }

    async fn put(&self, bytes: Bytes, content_type: &str) -> Result<BlobRef, Error> {
        let put = self.jobs.shared.blobs.home().put(bytes, content_type).await;
        put.map_err(|problem: BlobError| Error::platform("BLOB_UNWRITABLE", problem.to_string()))
    }
}
