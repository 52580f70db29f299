use std::sync::Arc;

use plato::{Entry, Phase, State, Value};
use store::{KeyRange, Store, StoreError};
use timestone_client::names;

use crate::{keys, records};

/// Entries of a journal read at a time.
const READ: usize = 256;

/// Reads workflows from the store, whoever owns them.
#[derive(Clone, Debug)]
pub struct WorkflowReader {
    store: Arc<dyn Store>,
    service: String,
    groups: u32,
}

/// A workflow as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowView {
    pub state: State,
    /// What it put out, when it has succeeded.
    pub output: Option<Value>,
}

impl WorkflowReader {
    /// A reader of the workflows of `service`, which are in `groups` groups.
    pub fn new(store: Arc<dyn Store>, service: impl Into<String>, groups: u32) -> Self {
        Self {
            store,
            service: service.into(),
            groups,
        }
    }

    /// The workflow, if it has started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn workflow(&self, id: &str) -> Result<Option<WorkflowView>, StoreError> {
        match self.state(id).await? {
            Some(state) => Ok(Some(WorkflowView {
                output: self.output(&state).await?,
                state,
            })),
            None => Ok(None),
        }
    }

    async fn state(&self, id: &str) -> Result<Option<State>, StoreError> {
        if let Some(ended) = self.get(id, &keys::ended(id)).await? {
            return records::decode_state(&ended).map(Some);
        }
        // A workflow that ends between the two reads is seen as it was before.
        State::fold(id, &self.history(id).await?)
            .map_err(|broken| StoreError::Corrupt(broken.to_string().into()))
    }

    async fn output(&self, state: &State) -> Result<Option<Value>, StoreError> {
        match state.phase {
            Phase::Succeeded => {
                self.value(&state.id, plato::NodeId(state.header.output))
                    .await
            }
            _ => Ok(None),
        }
    }

    /// What a node of the workflow put out; a map's is the list of its results.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn value(&self, id: &str, node: plato::NodeId) -> Result<Option<Value>, StoreError> {
        let value = self.get(id, &keys::output(id, node)).await?;
        value.map(|bytes| records::decode_value(&bytes)).transpose()
    }

    /// The whole journal of the workflow, in order; empty when it has not started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, id: &str) -> Result<Vec<Entry>, StoreError> {
        let (shard, mut range) = (self.shard(id), keys::journal_from(id, 0));
        let mut history = Vec::new();
        loop {
            let page = self.store.range(&shard, range.clone(), READ).await?;
            for entry in &page {
                history.push(records::decode_entry(&entry.value)?);
            }
            match page.last().filter(|_| page.len() == READ) {
                Some(last) => range = KeyRange::after(range, last.key.clone()),
                None => return Ok(history),
            }
        }
    }

    async fn get(&self, id: &str, key: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
        self.store.get(&self.shard(id), key).await
    }

    fn shard(&self, id: &str) -> String {
        keys::shard(&self.service, names::workflow_group(id, self.groups))
    }
}
