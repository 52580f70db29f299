use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use blob::Blobs;
use plato_runtime::{RuntimeConfig, WorkflowReader};
use store::{MemoryStore, Store};
use timestone::NewMessage;
use timestone_client::{Client, Timestone, envelope, names};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::sync::Notify;

use crate::blobs::MemoryBlobs;
use crate::queue::{Gate, GatedQueue, Open};
use crate::time::VirtualTime;

/// The service that owns the workflows of a run.
pub const SERVICE: &str = "t";
/// An hour: leases last for days where nothing else is said.
const LOOK_MS: u64 = 3_600_000;
/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What the parties of a run share: the real queue over a store in memory, another store
/// for workflows, blobs, and time.
#[derive(Clone)]
pub struct Site {
    pub time: VirtualTime,
    pub store: Arc<MemoryStore>,
    pub blobs: Blobs,
    /// Groups that workflows are divided into.
    pub groups: u32,
    /// How soon the end of a message whose worker was lost is heard of, in milliseconds.
    pub look_ms: u64,
    queue: Arc<LocalTimestone>,
    brought: Arc<Notify>,
}

impl Site {
    /// A new one; `seed` orders what happens at the same moment. Must be called within
    /// [`VirtualTime::run`].
    pub fn start(time: &VirtualTime, seed: u64, groups: u32) -> Self {
        let clock = || Arc::new(time.clone());
        let options = OwnerOptions {
            ttl: FOR_EVER,
            ..OwnerOptions::new("timestone")
        };
        let under_queue = Arc::new(MemoryStore::seeded(clock(), seed));
        Self {
            queue: Arc::new(LocalTimestone::start(under_queue, clock(), options)),
            store: Arc::new(MemoryStore::seeded(clock(), seed.rotate_left(32))),
            blobs: Blobs::new(Arc::new(MemoryBlobs::default()), []),
            time: time.clone(),
            brought: Arc::default(),
            groups,
            look_ms: LOOK_MS,
        }
    }

    /// The queue, reached through `gate`.
    pub fn client(&self, gate: impl Gate) -> Client {
        Client::new(Arc::new(GatedQueue {
            queue: Arc::clone(&self.queue) as Arc<dyn Timestone>,
            time: self.time.clone(),
            look_ms: self.look_ms,
            brought: Arc::clone(&self.brought),
            gate: Arc::new(gate),
        }))
    }

    /// The queue, where nothing is lost.
    pub fn open(&self) -> Client {
        self.client(Open)
    }

    /// Looks at workflows from outside.
    pub fn reader(&self) -> WorkflowReader {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        WorkflowReader::new(store, SERVICE, self.groups)
    }

    /// A process whose code of nodes runs in step with all else.
    pub fn config(&self, process: &str) -> RuntimeConfig {
        RuntimeConfig {
            groups: self.groups,
            ttl: FOR_EVER,
            code_threads: false,
            ..RuntimeConfig::new(SERVICE, process)
        }
    }

    /// A message for the inbox of a workflow.
    pub fn message<M: buffa::Message + buffa::MessageName>(
        &self,
        workflow: &str,
        id: impl Into<String>,
        body: &M,
    ) -> NewMessage {
        NewMessage {
            queue: names::inbox_of_workflow(SERVICE, workflow, self.groups),
            id: id.into(),
            payload: envelope::to_payload(&envelope::seal(body)),
            ..NewMessage::default()
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}
