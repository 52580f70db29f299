//! Queues that are leased from together.

use std::sync::Arc;

use stratum::{Package, Registry};
use timestone_client::names;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The queues of all functions that may run as often as there is room, by priority; or of one that
/// may not.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) queues: Vec<String>,
    slots: Option<Arc<Semaphore>>,
}

/// The lanes of these functions; what the installed version says holds for others too.
pub(crate) fn all(registry: &Registry) -> Vec<Lane> {
    let (mut lanes, mut free) = (Vec::new(), Vec::new());
    for package in registry.packages() {
        match package.function.concurrency {
            None => free.push(queue(package)),
            Some(most) => lanes.push(Lane {
                queues: vec![queue(package)],
                slots: Some(Arc::new(Semaphore::new(most as usize))),
            }),
        }
    }
    if !free.is_empty() {
        lanes.push(Lane {
            queues: free,
            slots: None,
        });
    }
    lanes
}

fn queue(package: &Package) -> String {
    names::function(package.function.name.as_str())
}

impl Lane {
    /// Waits until one more may run; nothing where nobody counts.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(self.slots.as_ref()?).acquire_owned().await.ok()
    }

    /// How many may be leased at once, where there is so much room: with a slot, one.
    pub(crate) fn at_once(&self, room: u32) -> u32 {
        match self.slots {
            None => room,
            Some(_) => room.min(1),
        }
    }
}
