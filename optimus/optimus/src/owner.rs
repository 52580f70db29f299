use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use errors::Error;
use store::{Fence, Store, StoreError};
use timestone_client::Client;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::caller::Caller;
use crate::commands::Command;
use crate::core::{Address, Submission};
use crate::draft::Draft;
use crate::error;
use crate::life::{End, Life};
use crate::service::Service;
use crate::versions::Versions;
use crate::views::Views;

/// What the handles, the owner and its helpers share.
pub(crate) struct Shared<S> {
    pub(crate) service: S,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timestone: Client,
    pub(crate) clock: SharedClock,
    pub(crate) views: Views,
    pub(crate) address: Address,
    /// The shard that holds the service's requests.
    pub(crate) shard: String,
    /// Whether this process owns the shard.
    pub(crate) serving: watch::Sender<bool>,
    pub(crate) versions: Arc<dyn Versions>,
}

impl<S: Service> Shared<S> {
    /// The whole of a request that is a new one.
    pub(crate) async fn complete(
        &self,
        caller: &Caller,
        draft: Draft<S::Request>,
    ) -> Result<Submission, Vec<Error>> {
        let (service, id) = (&self.service, ids::time_ordered());
        let pins = self.versions.pins(service.name(), &draft.channel, &id);
        let pins = pins.await.map_err(|error| vec![error])?;
        let input = service.prepare(caller, &draft.request, &pins).await?;
        let definition = service.definition_of(&draft.request);
        draft.submission(id, definition, input, pins)
    }
}

/// Owns the service's requests whenever it can, one [`Life`] after another.
///
/// A life ends when the shard is lost or a commit's outcome is unknown; the next
/// one begins by reading what is on stable storage.
pub(crate) struct Owner<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Unique to this start of the process.
    pub(crate) name: String,
    pub(crate) ownership: Duration,
    pub(crate) stop: CancellationToken,
}

/// The pause before the shard is tried again.
const RETRY: Duration = Duration::from_millis(200);

impl<S: Service> Owner<S> {
    /// Runs until it is stopped.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            match self.acquire().await {
                Ok(fence) => self.live(fence).await,
                Err(error) => tracing::debug!(shard = self.shared.shard, %error, "not the owner"),
            }
            self.refuse_for(RETRY).await;
        }
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            command.refuse(error::not_serving());
        }
    }

    async fn acquire(&self) -> Result<Fence, StoreError> {
        let Shared { store, shard, .. } = &*self.shared;
        store.acquire(shard, &self.name, self.ownership).await
    }

    async fn live(&mut self, fence: Fence) {
        let end = self.life(fence.clone()).await;
        self.shared.serving.send_replace(false);
        self.shared.views.clear();
        match end {
            Ok(End::Stopped) => self.release(&fence).await,
            Err(error) => {
                tracing::warn!(shard = self.shared.shard, %error, "lost the requests, will read them again");
            }
        }
    }

    async fn life(&mut self, fence: Fence) -> Result<End, StoreError> {
        let mut life = Life::begin(Arc::clone(&self.shared), fence, self.ownership).await?;
        self.shared.serving.send_replace(true);
        life.run(&mut self.commands, &self.stop).await
    }

    async fn release(&self, fence: &Fence) {
        if let Err(error) = self.shared.store.release(fence).await {
            tracing::debug!(shard = self.shared.shard, %error, "could not give the shard up");
        }
    }

    /// Answers commands while there is no life to take them.
    async fn refuse_for(&mut self, pause: Duration) {
        let clock = Arc::clone(&self.shared.clock);
        let until = clock.sleep(pause);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = &mut until => return,
                Some(command) = self.commands.recv() => command.refuse(error::not_serving()),
            }
        }
    }
}
