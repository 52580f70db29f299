use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use blob::list::{ListError, ListReader};
use blob::{Blobs, Digest, ListRef, Value};

/// Lists that are kept open, each with the page read last.
const MAX_OPEN: usize = 32;

type Reader = Arc<tokio::sync::Mutex<ListReader>>;

/// Elements of long lists; keeps the lists read last open.
pub(crate) struct Lists {
    blobs: Blobs,
    /// The one used last is at the back.
    open: Mutex<VecDeque<(Digest, Reader)>>,
}

impl Lists {
    pub(crate) fn new(blobs: Blobs) -> Self {
        Self {
            blobs,
            open: Mutex::default(),
        }
    }

    /// The elements at `indices`, in that order.
    pub(crate) async fn elements(
        &self,
        list: &ListRef,
        indices: &[u64],
    ) -> Result<Vec<Value>, ListError> {
        let reader = self.reader(list).await?;
        let mut reader = reader.lock().await;
        let mut elements = Vec::with_capacity(indices.len());
        for index in indices {
            elements.push(reader.element(*index).await?);
        }
        Ok(elements)
    }

    async fn reader(&self, list: &ListRef) -> Result<Reader, ListError> {
        if let Some(reader) = self.find(list.index.digest) {
            return Ok(reader);
        }
        let reader = ListReader::open(&self.blobs, list.clone()).await?;
        Ok(self.keep(list.index.digest, reader))
    }

    fn find(&self, digest: Digest) -> Option<Reader> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().position(|(kept, _)| *kept == digest)?;
        let entry = open.remove(found)?;
        let reader = Arc::clone(&entry.1);
        open.push_back(entry);
        Some(reader)
    }

    fn keep(&self, digest: Digest, reader: ListReader) -> Reader {
        let reader = Arc::new(tokio::sync::Mutex::new(reader));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() == MAX_OPEN {
            open.pop_front();
        }
        open.push_back((digest, Arc::clone(&reader)));
        reader
    }
}
