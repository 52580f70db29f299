//! How a workflow is doing, then what happens to it, read from its journal as it grows.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{Stream, stream};
use proto::plato::v1 as wire;
use store::StoreError;

use super::outward::{Viewed, happenings};
use super::{Workflows, ruled};
use crate::Standing;

/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(100);
/// Entries read at a time.
const READ: usize = 100;

struct Watch {
    workflows: Workflows,
    standing: Standing,
    told: bool,
    read: VecDeque<Entry>,
}

/// An entry of a journal of either kind.
enum Entry {
    Graph(plato::Entry),
    Rules(plato_rules::Entry),
}

/// The first tells how it is doing, each later one of an entry; the last tells of its end.
pub(super) fn watch(
    workflows: Workflows,
    standing: Standing,
) -> impl Stream<Item = Result<wire::WatchWorkflowResponse, StoreError>> + Send + 'static {
    let watch = Watch {
        workflows,
        standing,
        told: false,
        read: VecDeque::new(),
    };
    stream::try_unfold(watch, async |mut watch: Watch| {
        let told = watch.next().await?;
        Ok(told.map(|told| (told, watch)))
    })
}

impl Watch {
    async fn next(&mut self) -> Result<Option<wire::WatchWorkflowResponse>, StoreError> {
        if !std::mem::replace(&mut self.told, true) {
            return self.tell(Vec::new()).await.map(Some);
        }
        if self.standing.phase().is_final() {
            return Ok(None);
        }
        let entry = self.entry().await?;
        let happened = self.replay(&entry)?;
        self.tell(happened).await.map(Some)
    }

    /// Takes the entry in; what it tells.
    fn replay(&mut self, entry: &Entry) -> Result<Vec<wire::WorkflowHappening>, StoreError> {
        match (&mut self.standing, entry) {
            (Standing::Graph(state), Entry::Graph(entry)) => {
                state.replay(entry).map_err(corrupt)?;
                Ok(happenings(state, std::slice::from_ref(entry)))
            }
            (Standing::Rules(state), Entry::Rules(entry)) => {
                // Before it is taken in, as it may have firings forgotten.
                let happened = ruled::happenings(state, std::slice::from_ref(entry));
                state.replay(entry).map_err(corrupt)?;
                Ok(happened)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The next of the journal, as soon as it is there.
    async fn entry(&mut self) -> Result<Entry, StoreError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(entry);
            }
            self.read_on().await?;
            if self.read.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), StoreError> {
        let reader = &self.workflows.reader;
        match &self.standing {
            Standing::Graph(state) => {
                let read = reader.journal(&state.id, state.events, READ).await?;
                self.read.extend(read.into_iter().map(Entry::Graph));
            }
            Standing::Rules(state) => {
                let read = reader.rules_journal(&state.id, state.events, READ).await?;
                self.read.extend(read.into_iter().map(Entry::Rules));
            }
        }
        Ok(())
    }

    async fn tell(
        &self,
        happenings: Vec<wire::WorkflowHappening>,
    ) -> Result<wire::WatchWorkflowResponse, StoreError> {
        let viewed = Viewed::read(&self.workflows, self.standing.clone()).await?;
        Ok(wire::WatchWorkflowResponse {
            workflow: Some(viewed.outward()).into(),
            happenings,
            ..Default::default()
        })
    }
}

fn corrupt(broken: plato::BrokenJournal) -> StoreError {
    StoreError::Corrupt(broken.to_string().into())
}
