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
use store::{Entry, KeyRange};

use super::{Jobs, NodeOf, Outcome, unreadable};
use crate::keys;
use crate::shared::backoff;

/// Times a list is written again before its map fails.
const TRIES: u32 = 8;
/// Elements in one page at most.
const PAGE_ELEMENTS: usize = 4_096;
/// Results read at a time.
const READ: usize = 1_024;
/// Tag and length around one element of a page.
const FRAMING: usize = 6;

const PAGE_TYPE: &str = "application/x-protobuf; type=base.v1.ListPage";
const INDEX_TYPE: &str = "application/x-protobuf; type=base.v1.ListIndex";

pub(super) async fn run(jobs: &Jobs, of: NodeOf, count: u64) {
    let mut failures = 0;
    let result = loop {
        match seal(jobs, &of, count).await {
            Err(error) if error.is_retryable() && failures < TRIES => {
                tracing::warn!(workflow = %of.workflow, %error, "results cannot be sealed; trying again");
                failures += 1;
                jobs.shared.sleep(backoff(failures + 2)).await;
            }
            result => break result,
        }
    };
    let (workflow, node) = (Arc::clone(&of.workflow), of.node);
    jobs.tell(Outcome::Sealed {
        workflow,
        node,
        result,
    })
    .await;
}

async fn seal(jobs: &Jobs, of: &NodeOf, count: u64) -> Result<Value, Error> {
    let page_size = page_size(jobs, of, count).await?;
    let mut pages = Pages {
        jobs,
        page_size,
        page: Vec::new(),
        written: Vec::new(),
    };
    let mut results = Results::new(jobs, of);
    while let Some(chunk) = results.next().await? {
        for result in chunk {
            pages.push(&result.value).await?;
        }
    }
    let index = pages.finish().await?;
    Ok(Value {
        list: Some(ListRef { index, count }),
        ..Value::default()
    })
}

/// As many elements as fit a page wherever in the list it lies.
async fn page_size(jobs: &Jobs, of: &NodeOf, count: u64) -> Result<usize, Error> {
    let (mut largest, mut next) = (1, 0);
    let mut results = Results::new(jobs, of);
    while let Some(chunk) = results.next().await? {
        for result in chunk {
            if keys::last_number(&result.key) != Some(next) {
                return Err(missing(next));
            }
            largest = largest.max(result.value.len());
            next += 1;
        }
    }
    match next == count {
        true => Ok((PAGE_BYTES / (largest + FRAMING)).clamp(1, PAGE_ELEMENTS)),
        false => Err(missing(next)),
    }
}

fn missing(element: u64) -> Error {
    Error::platform(
        "RESULT_MISSING",
        format!("the store holds no result of element {element}"),
    )
    .hint("check the store for damage")
}

/// The results of a map, some at a time.
struct Results<'a> {
    jobs: &'a Jobs,
    shard: String,
    rest: Option<KeyRange>,
}

impl<'a> Results<'a> {
    fn new(jobs: &'a Jobs, of: &NodeOf) -> Self {
        let range = KeyRange::prefix(&keys::results_prefix(&of.workflow, of.node));
        Self {
            jobs,
            shard: jobs.shard(),
            rest: Some(range),
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
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
