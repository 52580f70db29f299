use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use store::Store;
use timestone_client::{Client, names};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::Address;
use crate::limits::MAX_COMMANDS;
use crate::owner::{Owner, Shared};
use crate::requests::Requests;
use crate::service::Service;
use crate::versions::{Installed, Versions};
use crate::views::Views;
use crate::wire::calls::to_json;

/// How the API layer of a service runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Groups of the service's workflows, as the workflow layer counts them.
    pub groups: u32,
    /// Name of this owner of the requests, unique to one start of the process.
    pub owner: String,
    /// How long the requests stay with an owner that is not heard of.
    pub ownership: Duration,
    /// What chooses the versions of functions.
    pub versions: Arc<dyn Versions>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            groups: 4,
            owner: ids::time_ordered(),
            ownership: Duration::from_secs(10),
            versions: Arc::new(Installed),
        }
    }
}

/// The API layer of one service, at work. Dropping it stops it; what it has
/// answered is on stable storage.
pub struct OptimusRuntime<S: Service> {
    requests: Requests<S>,
    stop: CancellationToken,
    owner: Option<JoinHandle<()>>,
}

impl<S: Service> OptimusRuntime<S> {
    /// Sets the API layer of `service` to work on the shard `optimus/{service}`.
    ///
    /// It returns at once; [`Requests::ready`] tells when the shard is owned. Needs
    /// a Tokio runtime.
    pub fn start(
        config: Config,
        store: Arc<dyn Store>,
        timestone: Client,
        clock: SharedClock,
        service: S,
    ) -> Self {
        let shared = Arc::new(Shared {
            address: address(&service, config.groups),
            shard: format!("optimus/{}", service.name()),
            views: Views::default(),
            serving: watch::Sender::new(false),
            versions: config.versions,
            service,
            store,
            timestone,
            clock,
        });
        let (sender, commands) = mpsc::channel(MAX_COMMANDS);
        let stop = CancellationToken::new();
        let owner = Owner {
            shared: Arc::clone(&shared),
            commands,
            name: config.owner,
            ownership: config.ownership,
            stop: stop.clone(),
        };
        Self {
            requests: Requests::new(shared, sender),
            stop,
            owner: Some(tokio::spawn(owner.run())),
        }
    }

    /// A handle on the requests, cheap to clone.
    pub fn requests(&self) -> Requests<S> {
        self.requests.clone()
    }

    /// Stops when the commit under way has ended, and gives the shard up.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(owner) = self.owner.take()
            && let Err(error) = owner.await
        {
            tracing::error!(%error, "the owner of the requests did not end well");
        }
    }
}

impl<S: Service> Drop for OptimusRuntime<S> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn address<S: Service>(service: &S, groups: u32) -> Address {
    Address {
        service: service.name().to_owned(),
        groups,
        events: names::service_events(service.name()),
        to_json: to_json::<S::Response>,
    }
}
