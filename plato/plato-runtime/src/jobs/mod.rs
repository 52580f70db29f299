//! What a group does beside its loop: reading, preparing, running, sealing,
//! sweeping. A job's end comes back to the loop as an [`Outcome`]; one that waits
//! for a slow store delays nobody else.

mod context;
mod decide;
mod forget;
mod message;
mod prepare;
mod results;
mod seal;
mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use errors::Error;
use plato::{Activation, Header, NodeContext, NodeId, TaskRef, Value};
use store::{KeyRange, StoreError};
use timestone::NewMessage;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::task::TaskTracker;

use crate::shared::{Shared, backoff};
pub(crate) use context::node_context;
pub(crate) use forget::{Forget, Forgotten};
pub(crate) use prepare::prepare_now;
pub(crate) use results::count as count_results;
pub(crate) use seal::Counts as SealCounts;

/// Work for one workflow, or for the group.
pub(crate) enum Job {
    /// Prepare or run tasks: (element, generation) each.
    Run {
        of: NodeOf,
        tasks: Vec<(u64, u32)>,
        /// Of tasks that ran out of memory: how many times.
        outgrown: BTreeMap<u64, u32>,
    },
    /// Seal the results of a map into a list.
    Seal { of: NodeOf, counts: SealCounts },
    /// Decide whether a node is passed over.
    Decide { of: NodeOf },
    /// Find keys to delete.
    Sweep(Sweep),
    /// Find workflows to forget.
    Forget(Forget),
}

/// A node of a running workflow, with all that is needed to run its tasks.
#[derive(Clone)]
pub(crate) struct NodeOf {
    pub(crate) workflow: Arc<str>,
    pub(crate) node: NodeId,
    /// How often it has begun anew.
    pub(crate) run: u32,
    pub(crate) activation: Arc<Activation>,
    pub(crate) header: Arc<Header>,
    /// Read once for all tasks of the node.
    pub(crate) context: Arc<OnceCell<Arc<NodeContext>>>,
}

/// Keys that nobody reads any more.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) range: KeyRange,
    /// The row that remembers the sweep, deleted when it is through.
    pub(crate) remembered_by: Option<Bytes>,
}

impl Sweep {
    /// Every key that begins with `prefix`; remembered by its garbage row.
    pub(crate) fn of_prefix(prefix: &[u8]) -> Self {
        Self {
            range: KeyRange::prefix(prefix),
            remembered_by: Some(crate::keys::garbage(prefix)),
        }
    }
}

/// How a job ended.
pub(crate) enum Outcome {
    Prepared {
        workflow: Arc<str>,
        node: NodeId,
        prepared: Vec<Prepared>,
        /// How long their code took.
        took: Duration,
    },
    Ran {
        workflow: Arc<str>,
        task: TaskRef,
        result: Result<Value, Error>,
    },
    Sealed {
        workflow: Arc<str>,
        node: NodeId,
        run: u32,
        result: Result<Value, Error>,
    },
    Decided {
        workflow: Arc<str>,
        node: NodeId,
        run: u32,
        result: Result<bool, Error>,
    },
    Swept {
        sweep: Sweep,
        keys: Vec<Bytes>,
        through: bool,
    },
    Forgotten(Forgotten),
}

/// A task with the message that carries it, if it could be prepared.
pub(crate) struct Prepared {
    pub(crate) element: u64,
    pub(crate) generation: u32,
    pub(crate) message: Result<NewMessage, Error>,
}

/// Where jobs of a group run.
#[derive(Clone)]
pub(crate) struct Jobs {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: u32,
    pub(crate) outcomes: mpsc::Sender<Outcome>,
    pub(crate) running: TaskTracker,
}

impl Jobs {
    /// Does `job` beside the caller. It is dropped when the loop that hears of it ends.
    pub(crate) fn spawn(&self, job: Job) {
        let jobs = self.clone();
        self.running.spawn(async move {
            let closed = jobs.outcomes.clone();
            tokio::select! {
                biased;
                () = closed.closed() => {}
                () = jobs.run(job) => {}
            }
        });
    }

    async fn run(&self, job: Job) {
        match job {
            Job::Run {
                of,
                tasks,
                outgrown,
            } => prepare::run(self, of, tasks, outgrown).await,
            Job::Seal { of, counts } => seal::run(self, of, counts).await,
            Job::Decide { of } => decide::run(self, of).await,
            Job::Sweep(sweep) => sweep::run(self, sweep).await,
            Job::Forget(forget) => forget::run(self, forget).await,
        }
    }

    async fn tell(&self, outcome: Outcome) {
        // The loop has ended when nobody listens; another owner does the job again.
        let _ = self.outcomes.send(outcome).await;
    }

    fn shard(&self) -> String {
        crate::keys::shard(&self.shared.config.service, self.group)
    }

    /// Reads from the store until it answers.
    async fn read<T, F>(&self, mut read: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut failures = 0;
        loop {
            match read().await {
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "the store cannot be read; trying again");
                    self.shared.sleep(backoff(failures)).await;
                    failures += 1;
                }
                result => return result,
            }
        }
    }
}

/// What could not be read from a store is the platform's fault.
fn unreadable(error: StoreError) -> Error {
    Error::platform("STORE_UNREADABLE", error.to_string())
}
