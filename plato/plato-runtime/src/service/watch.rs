//! How a workflow is doing, then what happens to it, read from its journal as it grows.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{Stream, stream};
use plato::{Entry, State};
use proto::plato::v1 as wire;
use store::StoreError;

use super::Workflows;
use super::outward::{Viewed, happenings};

/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(100);
/// Entries read at a time.
const READ: usize = 100;

struct Watch {
    workflows: Workflows,
    state: State,
    told: bool,
    read: VecDeque<Entry>,
}

/// The first tells how it is doing, each later one of an entry; the last tells of its end.
pub(super) fn watch(
    workflows: Workflows,
    state: State,
) -> impl Stream<Item = Result<wire::WatchWorkflowResponse, StoreError>> + Send + 'static {
    let watch = Watch {
        workflows,
        state,
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
            return self.tell(&[]).await.map(Some);
        }
        if self.state.phase.is_final() {
            return Ok(None);
        }
        let entry = self.entry().await?;
        let replayed = self.state.replay(&entry);
        replayed.map_err(|broken| StoreError::Corrupt(broken.to_string().into()))?;
        self.tell(&[entry]).await.map(Some)
    }

    /// The next of the journal, as soon as it is there.
    async fn entry(&mut self) -> Result<Entry, StoreError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(entry);
            }
            let next = self.state.events;
            let read = self.workflows.reader.journal(&self.state.id, next, READ);
            self.read.extend(read.await?);
            if self.read.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn tell(&self, entries: &[Entry]) -> Result<wire::WatchWorkflowResponse, StoreError> {
        let viewed = Viewed::read(&self.workflows, self.state.clone()).await?;
        Ok(wire::WatchWorkflowResponse {
            workflow: Some(viewed.outward()).into(),
            happenings: happenings(&self.state, entries),
            ..Default::default()
        })
    }
}
