use std::sync::Arc;

use blob::Blobs;
use clock::SharedClock;
use store::{Store, StoreError};
use timestone::Session;
use timestone_client::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::RuntimeConfig;
use crate::counters::{Counters, Counts};
use crate::definitions::Definitions;
use crate::groups::Groups;
use crate::lists::Lists;
use crate::meeting;
use crate::shared::Shared;

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A workflow's group is computed from their number, so it cannot change.
    #[error("the workflows of {service} are in {recorded} groups, not {configured}; set it so")]
    OtherGroups {
        service: String,
        recorded: u32,
        configured: u32,
    },
    #[error(transparent)]
    Definition(#[from] plato::InvalidDefinition),
    #[error("{0} is 0; it must be at least 1")]
    Zero(&'static str),
}

/// The owner, in this process, of workflows of one service.
///
/// Several processes over one store share the groups of a service; each group
/// has one owner at a time. Dropping it stops it without waiting.
pub struct PlatoRuntime {
    shared: Arc<Shared>,
    stop: CancellationToken,
    groups: Option<JoinHandle<()>>,
}

impl PlatoRuntime {
    /// Starts to own groups of workflows, on the current Tokio runtime.
    ///
    /// # Errors
    /// When the store cannot be used, its workflows are in another number of groups, or a
    /// definition starts workflows of one that is not there.
    pub async fn start(
        config: RuntimeConfig,
        store: Arc<dyn Store>,
        timestone: Client,
        blobs: Blobs,
        definitions: impl Into<Definitions>,
        clock: SharedClock,
    ) -> Result<Self, StartError> {
        check(&config)?;
        let definitions = definitions.into();
        definitions.graphs.check()?;
        // One process may run the workflows of several services, each by a runtime.
        let session = Session {
            owner: format!("{}/{}", config.process, config.service),
            boot: ids::time_ordered(),
        };
        let shared = Arc::new(Shared {
            lists: Lists::new(blobs.clone()),
            counters: Arc::default(),
            config,
            store,
            timestone,
            blobs,
            definitions,
            clock,
            session,
        });
        check_groups(&shared).await?;
        let stop = CancellationToken::new();
        let groups = Groups::new(Arc::clone(&shared), stop.clone());
        Ok(Self {
            shared,
            stop,
            groups: Some(tokio::spawn(groups.run())),
        })
    }

    /// What was counted since the start.
    pub fn counts(&self) -> Counts {
        self.shared.counters.read()
    }

    /// The service, and where it counts.
    pub(crate) fn counted(&self) -> (String, Arc<Counters>) {
        let Shared {
            config, counters, ..
        } = &*self.shared;
        (config.service.clone(), Arc::clone(counters))
    }

    /// Commits what is under way, gives every group up and hands back messages
    /// that were not handled, so that another process can go on without waiting.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(groups) = self.groups.take() {
            // One that panicked has nothing left to give up.
            let _ = groups.await;
        }
    }
}

impl Drop for PlatoRuntime {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn check(config: &RuntimeConfig) -> Result<(), StartError> {
    let sizes = [
        ("groups", config.groups == 0),
        ("batch", config.batch == 0),
        ("window", config.window == 0),
        ("snapshot_every", config.snapshot_every == 0),
        ("ttl", config.ttl.is_zero()),
    ];
    let zero = sizes.into_iter().find(|(_, is_zero)| *is_zero);
    zero.map_or(Ok(()), |(name, _)| Err(StartError::Zero(name)))
}

async fn check_groups(shared: &Shared) -> Result<(), StartError> {
    let (recorded, configured) = (meeting::settle_groups(shared).await?, shared.config.groups);
    match recorded == configured {
        true => Ok(()),
        false => Err(StartError::OtherGroups {
            service: shared.config.service.clone(),
            recorded,
            configured,
        }),
    }
}
