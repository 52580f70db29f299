//! Every role in one process, for one request: what `ves encode` and `ves validate` run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use blob::Blobs;
use optimus::{Requests, Service};
use plato_runtime::Engines;
use rpc::Router;
use sources::{Remote, Sources};
use store_fjall::Options;
use stratum_catalog::Catalog;
use timestone_client::Client;
use ves_api::service::VesService;
use vvs_api::service::VvsService;

use crate::roles::{Plato, Seen};
use crate::services::{self, Api, Built, Services};
use crate::stack::Stack;
use crate::versions::Versions;
use crate::{functions, parts, roles};

/// One owner, who knows that every earlier one is dead: the store's lock says so.
const OWNERSHIP: Duration = Duration::from_secs(30);

/// Where one request finds its things.
#[derive(Clone, Debug)]
pub struct OneShotConfig {
    /// State of this request alone.
    pub state: PathBuf,
    /// Blobs and the chunk cache, shared by all requests of the user.
    pub blobs: PathBuf,
    /// Functions that may run at the same time.
    pub workers: u32,
    /// The folders of what is read.
    pub source_roots: Vec<PathBuf>,
    /// The servers of what is read.
    pub servers: Remote,
    /// The folders of what is written.
    pub output_roots: Vec<PathBuf>,
    /// How long the histories of ended requests are kept, where one comes after the other;
    /// else as long as the state.
    pub keep_ended: Option<Duration>,
}

/// The roles at work for one request of a service.
pub struct OneShot<S: Service> {
    stack: Stack,
    requests: Requests<S>,
    blobs: Blobs,
}

impl OneShot<VesService> {
    /// Starts every role for an encode; returns when requests are taken.
    pub async fn encode(config: &OneShotConfig) -> Result<Self> {
        let open = services::ves::start;
        Self::start(config, services::ALL, &services::ves::Ves, open).await
    }
}

impl OneShot<VvsService> {
    /// Starts every role for a validation; returns when requests are taken.
    pub async fn validate(config: &OneShotConfig) -> Result<Self> {
        let open = services::vvs::start;
        Self::start(config, services::VALIDATION, &services::vvs::Vvs, open).await
    }
}

impl<S: Service> OneShot<S> {
    /// `services`, of which `own` is the one whose requests are taken, by what `open` gives.
    async fn start(
        config: &OneShotConfig,
        services: Services,
        own: &dyn Built,
        open: fn(&mut Stack, &Api) -> Requests<S>,
    ) -> Result<Self> {
        let mut stack = Stack::default();
        let api = match start_roles(&mut stack, services, config).await {
            Ok(api) => api,
            Err(error) => {
                stack.shutdown().await;
                return Err(error);
            }
        };
        let requests = open(&mut stack, &api);
        open_others(&mut stack, services, own, &api);
        requests.ready().await;
        Ok(Self {
            stack,
            requests,
            blobs: api.blobs,
        })
    }

    /// The way in.
    pub fn requests(&self) -> &Requests<S> {
        &self.requests
    }

    /// What requests may refer to, and where results lie.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Stops every role. What was accepted goes on at the next start.
    pub async fn shutdown(self) {
        self.stack.shutdown().await;
    }
}

/// Everything but the API layer, which then stands on what is returned.
async fn start_roles(stack: &mut Stack, services: Services, config: &OneShotConfig) -> Result<Api> {
    let functions = functions::registry(services).context("cannot find the functions")?;
    let store = parts::embedded(&config.state, Options::default())?;
    let blobs = parts::open_blobs("local", &config.blobs)?;
    let queues = roles::timestone(stack, store.clone(), OWNERSHIP, Seen::default());
    let timestone = Client::new(queues).with_blobs(blobs.clone());
    let plato = Plato {
        process: "ves".into(),
        groups: 1,
        ttl: OWNERSHIP,
        keep_ended: config.keep_ended,
        keep_ended_count: None,
        store: store.clone(),
        timestone: timestone.clone(),
        queue_in_store: true,
        blobs: blobs.clone(),
        engines: Engines::default(),
    };
    roles::plato(stack, services, plato).await?;
    let installed = functions::digests(&functions);
    let catalog = Catalog::new(store.clone(), blobs.clone(), installed);
    let api = Api {
        settings: settings(catalog),
        store,
        timestone: timestone.clone(),
        blobs: blobs.clone(),
        sources: Sources::of(config.source_roots.clone(), config.servers.clone()),
        output_roots: config.output_roots.clone(),
    };
    let mut agent = roles::agent_config(
        "ves".into(),
        Some(config.workers),
        None,
        Some(config.source_roots.clone()),
    );
    agent.remote = config.servers.clone();
    roles::stratum(stack, agent, functions, timestone, blobs).await?;
    Ok(api)
}

fn settings(catalog: Catalog) -> optimus::Config {
    optimus::Config {
        groups: 1,
        ownership: OWNERSHIP,
        versions: Arc::new(Versions(catalog)),
        ..Default::default()
    }
}

/// Other services are called by roles alone: nothing is served.
fn open_others(stack: &mut Stack, services: Services, own: &dyn Built, api: &Api) {
    let others = services
        .iter()
        .filter(|service| service.name() != own.name());
    others.for_each(|service| drop(service.open(stack, api, Router::new())));
}
