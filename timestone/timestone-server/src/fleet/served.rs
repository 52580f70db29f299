use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use timestone_client::TimestoneError;

use crate::LocalTimestone;

/// The shards that are owned here.
#[derive(Debug, Default)]
pub(crate) struct Served(Mutex<BTreeMap<u32, Arc<LocalTimestone>>>);

impl Served {
    /// A shard, for those who were told that it is here.
    pub(crate) fn get(&self, shard: u32) -> Result<Arc<LocalTimestone>, TimestoneError> {
        let moved = || TimestoneError::Unavailable(format!("shard {shard} is not owned here"));
        self.find(shard).ok_or_else(moved)
    }

    pub(super) fn find(&self, shard: u32) -> Option<Arc<LocalTimestone>> {
        let served = self.map().get(&shard).cloned();
        served.filter(|served| !served.is_over())
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> Vec<Arc<LocalTimestone>> {
        self.map().values().cloned().collect()
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.map().keys().copied().collect()
    }

    pub(super) fn insert(&self, shard: u32, served: Arc<LocalTimestone>) {
        self.map().insert(shard, served);
    }

    pub(super) fn remove(&self, shard: u32) -> Option<Arc<LocalTimestone>> {
        self.map().remove(&shard)
    }

    /// Forgets what serves no more.
    pub(super) fn sweep(&self) {
        self.map().retain(|_, served| !served.is_over());
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<LocalTimestone>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
