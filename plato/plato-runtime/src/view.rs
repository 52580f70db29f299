use std::sync::Arc;

use bytes::Bytes;
use plato::{Entry, Header, NodeId, Phase, State, Value};
use store::{KeyRange, Store, StoreError};
use timestone_client::names;

use crate::{keys, records};

/// Entries of a journal read at a time.
const READ: usize = 256;
/// Looks at a workflow that lives, ends and lives again while it is looked at.
const LOOKS: usize = 5;

/// Reads workflows from the store, whoever owns them.
#[derive(Clone, Debug)]
pub struct WorkflowReader {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) service: String,
    pub(crate) groups: u32,
}

/// A workflow as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowView {
    pub state: State,
    /// What it put out, when it has succeeded.
    pub output: Option<Value>,
}

/// How a workflow is doing, of whichever kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Graph(Box<State>),
    Rules(Box<plato_rules::State>),
}

impl Standing {
    /// The id of the workflow.
    pub fn id(&self) -> &str {
        match self {
            Self::Graph(state) => &state.id,
            Self::Rules(state) => &state.id,
        }
    }

    /// What it was started with.
    pub fn header(&self) -> &Header {
        match self {
            Self::Graph(state) => &state.header,
            Self::Rules(state) => &state.header,
        }
    }

    /// Rules run until they are canceled.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Graph(state) => state.phase,
            Self::Rules(state) if state.phase == plato_rules::Phase::Canceled => Phase::Canceled,
            Self::Rules(_) => Phase::Running,
        }
    }
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

    /// How the workflow is doing, without what it put out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn state(&self, id: &str) -> Result<Option<State>, StoreError> {
        for _ in 0..LOOKS {
            if let Some(ended) = self.get(id, &keys::ended(id)).await? {
                return records::decode_state(&ended).map(Some);
            }
            if let Some(snapshot) = self.get(id, &keys::snapshot(id)).await? {
                return self.live(&snapshot).await.map(Some);
            }
            // One that ended, or was taken up again, between the two reads is in neither place.
            if self.journal(id, 0, 1).await?.is_empty() {
                return Ok(None);
            }
            if self.get(id, &keys::forgotten(id)).await?.is_some() {
                return Ok(None);
            }
        }
        Err(StoreError::Unavailable(
            format!("workflow {id} changes faster than it can be read").into(),
        ))
    }

    /// The state of a live workflow, from its snapshot and what was journaled since.
    pub(crate) async fn live(&self, snapshot: &Bytes) -> Result<State, StoreError> {
        let mut state = records::decode_state(snapshot)?;
        loop {
            let page = self.journal(&state.id, state.events, READ).await?;
            for entry in &page {
                let replayed = state.replay(entry);
                replayed.map_err(|broken| StoreError::Corrupt(broken.to_string().into()))?;
            }
            if page.len() < READ {
                return Ok(state);
            }
        }
    }

    async fn output(&self, state: &State) -> Result<Option<Value>, StoreError> {
        match state.phase {
            Phase::Succeeded => self.value(&state.id, NodeId(state.header.output)).await,
            _ => Ok(None),
        }
    }

    /// What a node of the workflow put out; a map's is the list of its results.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn value(&self, id: &str, node: NodeId) -> Result<Option<Value>, StoreError> {
        let value = self.get(id, &keys::output(id, node)).await?;
        value.map(|bytes| records::decode_value(&bytes)).transpose()
    }

    /// Results of a map that goes on, of one element a task: those of element `first` and of the
    /// elements after it up to the first that has none yet, at most `limit`. When the map has ended
    /// they are in the list that [`Self::value`] tells, and here no more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn results(
        &self,
        id: &str,
        node: NodeId,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Value>, StoreError> {
        let run = self.get(id, &keys::run(id, node)).await?;
        let run = run.map_or(Ok(0), |run| records::decode_run(&run))?;
        let range = keys::results_from(id, node, run, first);
        let rows = self.store.range(&self.shard(id), range, limit).await?;
        let in_order = (first..).zip(&rows);
        let in_order =
            in_order.take_while(|(element, row)| keys::last_number(&row.key) == Some(*element));
        in_order
            .map(|(_, row)| records::decode_value(&row.value))
            .collect()
    }

    /// The whole journal of the workflow, in order; empty when it has not started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, id: &str) -> Result<Vec<Entry>, StoreError> {
        let mut history: Vec<Entry> = Vec::new();
        loop {
            let next = history.last().map_or(0, |last| last.first + 1);
            let page = self.journal(id, next, READ).await?;
            let was_last = page.len() < READ;
            history.extend(page);
            if was_last {
                return Ok(history);
            }
        }
    }

    /// Rules at work, or as they were when they were canceled.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rules(&self, id: &str) -> Result<Option<plato_rules::State>, StoreError> {
        if let Some(snapshot) = self.get(id, &keys::rules_snapshot(id)).await? {
            return self.live_rules(&snapshot).await.map(Some);
        }
        let canceled = self.get(id, &keys::rules_ended(id)).await?;
        canceled
            .map(|state| records::decode_rules(&state))
            .transpose()
    }

    /// The state of rules at work, from their snapshot and what was journaled since.
    pub(crate) async fn live_rules(
        &self,
        snapshot: &Bytes,
    ) -> Result<plato_rules::State, StoreError> {
        let mut state = records::decode_rules(snapshot)?;
        loop {
            let page = self.rules_journal(&state.id, state.events, READ).await?;
            for entry in &page {
                let replayed = state.replay(entry);
                replayed.map_err(|broken| StoreError::Corrupt(broken.to_string().into()))?;
            }
            if page.len() < READ {
                return Ok(state);
            }
        }
    }

    /// How the workflow is doing, of whichever kind it is, if it has started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn standing(&self, id: &str) -> Result<Option<Standing>, StoreError> {
        match self.state(id).await? {
            Some(state) => Ok(Some(Standing::Graph(state.into()))),
            None => Ok(self
                .rules(id)
                .await?
                .map(|state| Standing::Rules(state.into()))),
        }
    }

    /// The whole journal of a workflow of rules, in order; see [`plato_rules::Rules::explain`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rules_history(&self, id: &str) -> Result<Vec<plato_rules::Entry>, StoreError> {
        let mut history: Vec<plato_rules::Entry> = Vec::new();
        loop {
            let next = history.last().map_or(0, |last| last.first + 1);
            let page = self.rules_journal(id, next, READ).await?;
            let was_last = page.len() < READ;
            history.extend(page);
            if was_last {
                return Ok(history);
            }
        }
    }

    /// Up to `limit` entries of the journal of rules, from the first that begins with event
    /// `first` or a later one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rules_journal(
        &self,
        id: &str,
        first: u64,
        limit: usize,
    ) -> Result<Vec<plato_rules::Entry>, StoreError> {
        let range = keys::rules_journal_from(id, first);
        let page = self.store.range(&self.shard(id), range, limit).await?;
        let entries = page
            .iter()
            .map(|entry| records::decode_rules_entry(&entry.value));
        entries.collect()
    }

    /// Up to `limit` entries of the journal, from the first that begins with event `first`
    /// or a later one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn journal(
        &self,
        id: &str,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let range = keys::journal_from(id, first);
        let page = self.store.range(&self.shard(id), range, limit).await?;
        let entries = page.iter().map(|entry| records::decode_entry(&entry.value));
        entries.collect()
    }

    async fn get(&self, id: &str, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(&self.shard(id), key).await
    }

    pub(crate) fn shard(&self, id: &str) -> String {
        self.shard_of(names::workflow_group(id, self.groups))
    }

    pub(crate) fn shard_of(&self, group: u32) -> String {
        keys::shard(&self.service, group)
    }

    /// Rows of a group from a range, for reading page by page.
    pub(crate) async fn rows(
        &self,
        group: u32,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<store::Entry>, StoreError> {
        self.store.range(&self.shard_of(group), range, limit).await
    }
}
