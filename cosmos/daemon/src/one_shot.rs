//! Every role in one process, for one request: what `ves encode` runs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use optimus::Requests;
use timestone_client::Client;
use ves_api::service::{VesConfig, VesService};
use ves_api::validate::Policy;

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
    let registry = functions::registry().context("cannot find the encoders")?;
    let ves = VesConfig {
        policy: Policy {
            source_roots: vec![config.source_root.clone()],
            output_roots: vec![config.output_root.clone()],
        },
        function_digests: functions::digests(&registry),
    };
    let store = parts::embedded(&config.state)?;
    let blobs = parts::open_blobs("local", &config.blobs)?;
    let timestone = Client::new(roles::timestone(stack, store.clone(), OWNERSHIP));
    let plato = roles::plato_config("ves".into(), 1, OWNERSHIP);
    roles::plato(
        stack,
        plato,
        store.clone(),
        timestone.clone(),
        blobs.clone(),
    )
    .await?;
    let agent = roles::agent_config(
        "ves".into(),
        Some(config.workers),
        None,
        Some(vec![config.source_root.clone()]),
    );
    roles::stratum(stack, agent, registry, timestone.clone(), blobs.clone()).await?;
    let settings = optimus::Config {
        groups: 1,
        ownership: OWNERSHIP,
        ..Default::default()
    };
    let requests = roles::optimus(stack, settings, ves, store, timestone, blobs);
    requests.ready().await;
    Ok(requests)
}
