//! Every role in one process, for one request: what `ves encode` runs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use optimus::Requests;
use rpc::Router;
use timestone_client::Client;
use ves_api::service::VesService;

use crate::roles::Plato;
use crate::services::{self, Api, Built as _, Services};
use crate::stack::Stack;
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
    /// The folder of the source.
    pub source_root: PathBuf,
    /// The folder of the output.
    pub output_root: PathBuf,
}

/// The roles at work for one request.
pub struct OneShot {
    stack: Stack,
    requests: Requests<VesService>,
}

impl OneShot {
    /// Starts every role; returns when requests are taken.
    pub async fn start(config: &OneShotConfig) -> Result<Self> {
        let mut stack = Stack::default();
        match start(&mut stack, config).await {
            Ok(requests) => Ok(Self { stack, requests }),
            Err(error) => {
                stack.shutdown().await;
                Err(error)
            }
        }
    }

    /// The way in.
    pub fn requests(&self) -> &Requests<VesService> {
        &self.requests
    }

    /// Stops every role. What was accepted goes on at the next start.
    pub async fn shutdown(self) {
        self.stack.shutdown().await;
    }
}

async fn start(stack: &mut Stack, config: &OneShotConfig) -> Result<Requests<VesService>> {
    let services = services::ALL;
    let functions = functions::registry(services).context("cannot find the encoders")?;
    let store = parts::embedded(&config.state)?;
    let blobs = parts::open_blobs("local", &config.blobs)?;
    let timestone = Client::new(roles::timestone(stack, store.clone(), OWNERSHIP));
    let plato = Plato {
        process: "ves".into(),
        groups: 1,
        ttl: OWNERSHIP,
        store: store.clone(),
        timestone: timestone.clone(),
        blobs: blobs.clone(),
    };
    roles::plato(stack, services, plato).await?;
    let api = Api {
        settings: settings(),
        store,
        timestone: timestone.clone(),
        blobs: blobs.clone(),
        source_roots: vec![config.source_root.clone()],
        output_roots: vec![config.output_root.clone()],
        function_digests: functions::digests(&functions),
    };
    let agent = roles::agent_config(
        "ves".into(),
        Some(config.workers),
        None,
        Some(vec![config.source_root.clone()]),
    );
    roles::stratum(stack, agent, functions, timestone, blobs).await?;
    let requests = services::ves::start(stack, &api);
    open_others(stack, services, &api);
    requests.ready().await;
    Ok(requests)
}

fn settings() -> optimus::Config {
    optimus::Config {
        groups: 1,
        ownership: OWNERSHIP,
        ..Default::default()
    }
}

/// Other services are called by roles alone: nothing is served.
fn open_others(stack: &mut Stack, services: Services, api: &Api) {
    let others = services
        .iter()
        .filter(|service| service.name() != services::ves::Ves.name());
    others.for_each(|service| drop(service.open(stack, api, Router::new())));
}
