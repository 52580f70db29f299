//! How each role is started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use blob::Blobs;
use optimus::{OptimusRuntime, Requests};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use rpc::{Router, Server, Token};
use store::Store;
use stratum::Registry;
use stratum_agent::Agent;
use timestone_client::Client;
use timestone_server::{LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::CancellationToken;
use ves_api::service::{VesConfig, VesRpc, VesService};
use ves_api::wire::VideoEncodingServiceExt as _;

use crate::parts;
use crate::stack::Stack;

/// The one service that is built in.
const SERVICE: &str = "ves";

/// Owns the queues, for this process.
pub(crate) fn timestone(
    stack: &mut Stack,
    store: Arc<dyn Store>,
    ttl: Duration,
) -> Arc<LocalTimestone> {
    let mut options = OwnerOptions::new(ids::time_ordered());
    options.ttl = ttl;
    let owner = Arc::new(LocalTimestone::start(store, parts::clock(), options));
    let stopped = owner.clone();
    stack.push("timestone", async move { stopped.shutdown().await });
    owner
}

/// Serves the queues to other processes.
pub(crate) async fn serve_timestone(
    stack: &mut Stack,
    timestone: Arc<LocalTimestone>,
    token: Token,
    listen: &str,
) -> Result<()> {
    let services = TimestoneServer::new(timestone).into_services();
    serve(stack, "timestone server", services, token, listen).await
}

/// Runs the workflows of the built-in service.
pub(crate) async fn plato(
    stack: &mut Stack,
    config: RuntimeConfig,
    store: Arc<dyn Store>,
    timestone: Client,
    blobs: Blobs,
) -> Result<()> {
    let mut registry = plato::Registry::new();
    ves_workflow::register(&mut registry)?;
    let runtime = PlatoRuntime::start(
        config,
        store,
        timestone,
        blobs,
        registry.into(),
        parts::clock(),
    );
    let runtime = runtime.await.context("cannot start the workflow engine")?;
    stack.push("plato", async move { runtime.shutdown().await });
    Ok(())
}

/// How the workflows of the built-in service are owned. Names tell roles apart, as the roles
/// of one host are different owners of leases.
pub(crate) fn plato_config(process: String, groups: u32, ttl: Duration) -> RuntimeConfig {
    RuntimeConfig {
        groups,
        ttl,
        ..RuntimeConfig::new(SERVICE, format!("plato@{process}"))
    }
}

/// Runs functions on this machine.
pub(crate) async fn stratum(
    stack: &mut Stack,
    config: stratum_agent::Config,
    registry: Registry,
    timestone: Client,
    blobs: Blobs,
) -> Result<()> {
    let agent = Agent::start(config, registry, timestone, blobs, parts::clock()).await;
    let agent = agent.context("cannot start the host agent")?;
    stack.push("stratum", async move { agent.stop().await });
    Ok(())
}

/// Takes requests for the built-in service.
pub(crate) fn optimus(
    stack: &mut Stack,
    config: optimus::Config,
    ves: VesConfig,
    store: Arc<dyn Store>,
    timestone: Client,
    blobs: Blobs,
) -> Requests<VesService> {
    let service = VesService::new(ves, blobs);
    let runtime = OptimusRuntime::start(config, store, timestone, parts::clock(), service);
    let requests = runtime.requests();
    stack.push("optimus", async move { runtime.shutdown().await });
    requests
}

/// Serves the API to clients.
pub(crate) async fn serve_optimus(
    stack: &mut Stack,
    requests: Requests<VesService>,
    token: Token,
    listen: &str,
) -> Result<()> {
    let services = Arc::new(VesRpc::new(requests)).register(Router::new());
    serve(stack, "optimus server", services, token, listen).await
}

async fn serve(
    stack: &mut Stack,
    name: &'static str,
    services: Router,
    token: Token,
    listen: &str,
) -> Result<()> {
    let address: SocketAddr = listen
        .parse()
        .with_context(|| format!("`{listen}` is not an address; one looks like 127.0.0.1:7400"))?;
    let bound = Server::new(token).services(services).bind(address).await;
    let bound = bound.with_context(|| format!("cannot listen at {address}"))?;
    tracing::info!(name, url = bound.url(), "listening");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(bound.serve(stop.clone()));
    stack.push(name, async move {
        stop.cancel();
        if let Ok(Err(error)) = serving.await {
            tracing::warn!(name, %error, "the server did not end well");
        }
    });
    Ok(())
}

/// An agent's share of this machine.
pub(crate) fn agent_config(
    name: String,
    cpus: Option<u32>,
    memory_mb: Option<u64>,
    source_roots: Option<Vec<PathBuf>>,
) -> stratum_agent::Config {
    let cpus = cpus.unwrap_or_else(processors);
    let memory = memory_mb.map_or_else(three_quarters_of_memory, |mb| mb << 20);
    stratum_agent::Config {
        source_roots,
        ..stratum_agent::Config::new(format!("stratum@{name}"), cpus, memory)
    }
}

/// Processors that this process may use.
pub(crate) fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
}

fn three_quarters_of_memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit)) / 4 * 3
}
