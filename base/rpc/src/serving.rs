//! What a call knows of the server that takes it.

use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use tokio_util::sync::CancellationToken;

/// Told the path of each call that was answered, and how long that took.
pub(crate) type Timed = Arc<dyn Fn(&str, Duration) + Send + Sync>;

/// The server that takes a call, as its service sees it.
#[derive(Clone, Default)]
pub struct Serving {
    pub(crate) stopping: CancellationToken,
    pub(crate) timed: Option<Timed>,
}

impl Serving {
    /// Read from the extensions of a call.
    pub fn of(call: &Extensions) -> Self {
        call.get().cloned().unwrap_or_default()
    }

    /// Cancelled when the server begins to stop: what would last is to end soon.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Says that a call within a stream was answered, as if it had been made alone.
    pub fn told(&self, path: &str, took: Duration) {
        if let Some(told) = &self.timed {
            told(path, took);
        }
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").finish_non_exhaustive()
    }
}
