use std::sync::Arc;
use std::time::Duration;

use blob::Blobs;
use clock::SharedClock;
use store::Store;
use timestone::Session;
use timestone_client::{Client, names};

use crate::config::RuntimeConfig;
use crate::counters::Counters;
use crate::definitions::Definitions;
use crate::lists::Lists;

/// What every part of a runtime uses.
pub(crate) struct Shared {
    pub(crate) config: RuntimeConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timestone: Client,
    pub(crate) blobs: Blobs,
    pub(crate) lists: Lists,
    pub(crate) definitions: Definitions,
    pub(crate) clock: SharedClock,
    pub(crate) session: Session,
    pub(crate) counters: Arc<Counters>,
}

impl Shared {
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().unix_ms()
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// Who owns shards: unique to this start of the process.
    pub(crate) fn owner(&self) -> String {
        format!("{}/{}", self.session.owner, self.session.boot)
    }

    /// The inbox of a group.
    pub(crate) fn inbox(&self, group: u32) -> String {
        names::workflow_inbox(&self.config.service, group)
    }
}

/// The wait before the next try of a call that failed `failures` times.
pub(crate) fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50 << failures.min(7))
}
