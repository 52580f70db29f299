use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use errors::Error;
use tokio::sync::watch;

use crate::error;
use crate::limits::MAX_WATCHERS;
use crate::record::Record;

/// The committed state of the requests under way, and those who follow them.
///
/// Followers see the newest state, not every one: a slow one holds up nobody.
#[derive(Debug, Default)]
pub(crate) struct Views {
    followed: Mutex<HashMap<Arc<str>, watch::Sender<Arc<Record>>>>,
}

impl Views {
    /// Shows a committed state; one that has ended is the last.
    pub(crate) fn publish(&self, record: &Arc<Record>) {
        let mut followed = self.lock();
        match followed.get(&record.id) {
            Some(sender) => drop(sender.send_replace(Arc::clone(record))),
            None => {
                let sender = watch::Sender::new(Arc::clone(record));
                followed.insert(Arc::clone(&record.id), sender);
            }
        }
        if record.is_final() {
            followed.remove(&record.id);
        }
    }

    /// Forgets everything: another process may own the requests now.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The state of a request under way.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Record>> {
        self.lock()
            .get(id)
            .map(|sender| Arc::clone(&sender.borrow()))
    }

    /// Follows a request under way.
    pub(crate) fn follow(&self, id: &str) -> Result<Option<watch::Receiver<Arc<Record>>>, Error> {
        match self.lock().get(id) {
            Some(sender) if sender.receiver_count() >= MAX_WATCHERS => {
                Err(error::too_many_watchers(MAX_WATCHERS))
            }
            sender => Ok(sender.map(watch::Sender::subscribe)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Sender<Arc<Record>>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
