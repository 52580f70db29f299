//! Encodes, as the store holds their workflows.

use std::sync::Arc;

use blob::list::{ListError, ListReader};
use blob::{BlobError, BlobRef, Blobs, Value};
use errors::Error;
use plato::NodeId;
use plato_runtime::WorkflowReader;
use store::{Store, StoreError};
use ves_workflow::encoded_by;

/// Name of the service, in which its workflows are found.
const SERVICE: &str = "ves";
/// The node that plans the chunks.
const SPLITTER: &str = "splitter";

/// Finds encodes, and what their nodes came to.
#[derive(Clone, Debug)]
pub struct Encodes {
    reader: WorkflowReader,
    blobs: Blobs,
}

/// The workflow of one encode.
#[derive(Clone, Debug)]
pub(crate) struct Encode {
    id: String,
    splitter: NodeId,
    /// The map whose results are the chunks.
    encoded: NodeId,
}

impl Encodes {
    /// Those whose workflows are in `store`, in `groups` groups; what they came to is in `blobs`.
    pub fn new(store: Arc<dyn Store>, groups: u32, blobs: Blobs) -> Self {
        Self {
            reader: WorkflowReader::new(store, SERVICE, groups),
            blobs,
        }
    }

    /// The encode of this request, if its workflow is seen here.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Encode>, Error> {
        let state = self.reader.state(id).await.map_err(of_store)?;
        let Some(state) = state else {
            return Ok(None);
        };
        let header = &state.header;
        let place = |name: &str| {
            let place = header.nodes.iter().position(|node| node == name)?;
            u32::try_from(place).ok().map(NodeId)
        };
        let encoded = encoded_by(&header.definition).and_then(|node| place(&node));
        let (splitter, encoded) = place(SPLITTER).zip(encoded).ok_or_else(|| {
            let message = format!(
                "the workflow of this request, `{}`, has no chunks",
                header.definition
            );
            Error::user("NO_CHUNKS", message)
                .hint("of a ladder, read the requests of its rungs: `ves list` tells them")
        })?;
        Ok(Some(Encode {
            id: id.to_owned(),
            splitter,
            encoded,
        }))
    }

    /// What planning the chunks came to, once it has.
    pub(crate) async fn split(&self, encode: &Encode) -> Result<Option<Value>, Error> {
        let value = self.reader.value(&encode.id, encode.splitter).await;
        value.map_err(of_store)
    }

    /// A blob that is small enough to be held whole.
    pub(crate) async fn get(&self, blob: &BlobRef, limit: u64) -> Result<bytes::Bytes, Error> {
        self.blobs.get(blob, limit).await.map_err(of_blob)
    }

    /// Where blobs are.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// What the chunks came to.
    pub(crate) fn results(&self, encode: &Encode) -> Results {
        Results {
            encodes: self.clone(),
            encode: encode.clone(),
            sealed: None,
        }
    }
}

/// What the chunks of an encode came to, as they come in: each by itself at first, later all in a list.
pub(crate) struct Results {
    encodes: Encodes,
    encode: Encode,
    sealed: Option<ListReader>,
}

impl Results {
    /// What this chunk came to, once it has.
    pub(crate) async fn get(&mut self, chunk: u64) -> Result<Option<Value>, Error> {
        if self.sealed.is_none() {
            let Encode { id, encoded, .. } = &self.encode;
            let one = self.encodes.reader.results(id, *encoded, chunk, 1).await;
            if let Some(value) = one.map_err(of_store)?.pop() {
                return Ok(Some(value));
            }
            // Where they went in between, the list is there.
            self.sealed = self.list().await?;
        }
        match &mut self.sealed {
            Some(list) if chunk < list.count() => {
                list.element(chunk).await.map(Some).map_err(of_list)
            }
            _ => Ok(None),
        }
    }

    async fn list(&self) -> Result<Option<ListReader>, Error> {
        let Encode { id, encoded, .. } = &self.encode;
        let value = self.encodes.reader.value(id, *encoded).await;
        let list = value.map_err(of_store)?.and_then(|value| value.list);
        match list {
            Some(list) => {
                let reader = ListReader::open(&self.encodes.blobs, list).await;
                reader.map(Some).map_err(of_list)
            }
            None => Ok(None),
        }
    }
}

fn of_store(error: StoreError) -> Error {
    Error::platform("UNAVAILABLE", error.to_string()).hint("try again")
}

pub(crate) fn of_blob(error: BlobError) -> Error {
    Error::platform("BLOB_UNREADABLE", error.to_string())
}

fn of_list(error: ListError) -> Error {
    Error::platform("BLOB_UNREADABLE", error.to_string())
}
