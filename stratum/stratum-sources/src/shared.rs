//! Sources that are open: whoever reads the same one shares it.

use std::collections::VecDeque;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use errors::Error;
use sources::{Pinned, Remote};
use tokio::sync::Mutex;

use crate::OpenSource;
use crate::limits::KEPT;

/// The sources that this process reads.
#[derive(Debug)]
pub struct OpenSources {
    remote: Remote,
    memory: u64,
    /// The one that was asked for last is at the end.
    open: Mutex<VecDeque<(Pinned, Arc<OpenSource>)>>,
}

impl OpenSources {
    /// Those that `remote` allows; each may hold `memory` bytes.
    #[must_use]
    pub fn new(remote: Remote, memory: u64) -> Self {
        Self {
            remote,
            memory,
            open: Mutex::default(),
        }
    }

    /// This version of the object `uri`, in the folder that `folder` makes if it is not open yet.
    ///
    /// # Errors
    /// When it is not allowed, or can be neither mounted nor copied.
    pub async fn open(
        &self,
        uri: &str,
        (size, version): (u64, &str),
        folder: impl Future<Output = Result<PathBuf, Error>>,
    ) -> Result<Arc<OpenSource>, Error> {
        let pinned = self.remote.object(uri)?.pinned(size, version.to_owned());
        let mut open = self.open.lock().await;
        // One that failed is begun anew.
        open.retain(|(_, source)| source.failure().is_none());
        let source = match open.iter().position(|(known, _)| *known == pinned) {
            Some(at) => open.remove(at).map(|(_, source)| source),
            None => None,
        };
        let source = match source {
            Some(source) => source,
            None => Arc::new(self.begin(&pinned, folder.await?).await?),
        };
        open.push_back((pinned, source.clone()));
        if open.len() > KEPT {
            open.pop_front();
        }
        Ok(source)
    }

    async fn begin(&self, pinned: &Pinned, folder: PathBuf) -> Result<OpenSource, Error> {
        OpenSource::open(self.remote.clone(), pinned.clone(), folder, self.memory).await
    }
}
