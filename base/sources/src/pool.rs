//! Connections that wait for their next request.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Object;
use crate::connection::Sender;
use crate::limits::IDLE_CONNECTIONS;
use crate::url::Origin;

#[derive(Default)]
pub(crate) struct Pool(Mutex<HashMap<Origin, Vec<Sender>>>);

impl Pool {
    /// One that was open when last looked at.
    pub(crate) fn take(&self, object: &Object) -> Option<Sender> {
        let mut pool = self.lock();
        let waiting = pool.get_mut(&object.origin)?;
        waiting.retain(|sender| !sender.is_closed());
        waiting.pop()
    }

    /// For whoever asks next. Its answer was read to the end.
    pub(crate) fn put(&self, object: &Object, sender: Sender) {
        let mut pool = self.lock();
        let waiting = pool.entry(object.origin.clone()).or_default();
        if waiting.len() < IDLE_CONNECTIONS && !sender.is_closed() {
            waiting.push(sender);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Sender>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}
