//! How each role is started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use blob::Blobs;
use optimus::{OptimusRuntime, Requests, Service};
use plato_runtime::{Engines, PlatoRuntime, PlatoServer, RuntimeConfig};
use rpc::{Router, Server, Token};
use service_kit::KedaConfig;
use store::Store;
use stratum::Registry;
use stratum_agent::Agent;
use stratum_catalog::Catalog;
use timestone_client::{Client, Timestone};
use timestone_keda::KedaScaler;
use timestone_server::{
    Fleet, FleetOptions, HistoryOptions, LocalTimestone, Metrics, OwnerOptions, TimestoneServer,
};
use tokio_util::sync::CancellationToken;

use crate::parts;
use crate::services::{Api, Built, Services};
use crate::stack::Stack;
use crate::sweeper::Sweeper;

/// How the queues are seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) history: Option<HistoryOptions>,
    pub(crate) metrics: Option<Arc<Metrics>>,
}

/// The queues, and who serves them.
#[derive(Clone)]
pub(crate) enum Queues {
    /// This process alone.
    Owner(Arc<LocalTimestone>),
    /// This process and others.
    Fleet(Arc<Fleet>),
}

impl Queues {
    /// A way to all of them.
    pub(crate) fn timestone(&self) -> Arc<dyn Timestone> {
        match self {
            Self::Owner(owner) => owner.clone(),
            Self::Fleet(fleet) => fleet.router(),
        }
    }

    /// Those of this process at the moment.
    fn served(&self) -> Vec<Arc<LocalTimestone>> {
        match self {
            Self::Owner(owner) => vec![Arc::clone(owner)],
            Self::Fleet(fleet) => fleet.served(),
        }
    }

    fn server(&self) -> TimestoneServer {
        match self {
            Self::Owner(owner) => TimestoneServer::new(owner.clone()),
            Self::Fleet(fleet) => TimestoneServer::of_fleet(fleet),
        }
    }
}

fn owner(ttl: Duration, seen: Seen) -> OwnerOptions {
    let mut options = OwnerOptions::new(ids::time_ordered());
    options.ttl = ttl;
    (options.history, options.metrics) = (seen.history, seen.metrics);
    options
}

/// Knows the queues' other servers over the same store; owns nothing yet.
pub(crate) async fn fleet(
    store: Arc<dyn Store>,
    shards: Option<u32>,
    token: Token,
    (ttl, seen): (Duration, Seen),
) -> Result<Arc<Fleet>> {
    let mut options = FleetOptions::new(token);
    (options.owner, options.shards) = (owner(ttl, seen), shards);
    let fleet = Fleet::new(store, parts::clock(), options).await;
    Ok(Arc::new(fleet.context("cannot serve the queues")?))
}

/// Takes a share of the queues, as a server that the others reach at `advertise`.
pub(crate) fn join(stack: &mut Stack, fleet: &Arc<Fleet>, advertise: &str) {
    fleet.join(advertise);
    // Before its server stops: the others take its queues while callers are sent there.
    let stopped = Arc::clone(fleet);
    stack.push("timestone", async move { stopped.shutdown().await });
}

/// Owns the queues, for this process.
pub(crate) fn timestone(
    stack: &mut Stack,
    store: Arc<dyn Store>,
    ttl: Duration,
    seen: Seen,
) -> Arc<LocalTimestone> {
    let options = owner(ttl, seen);
    let owner = Arc::new(LocalTimestone::start(store, parts::clock(), options));
    let stopped = owner.clone();
    stack.push("timestone", async move { stopped.shutdown().await });
    owner
}

/// Serves the queues to other processes, who may call this one `host` too, with whoever sweeps
/// blobs here, and what is measured at `/metrics`; where that is.
pub(crate) async fn serve_timestone(
    stack: &mut Stack,
    (queues, sweeper): (Queues, Option<Sweeper>),
    metrics: Arc<Metrics>,
    token: Token,
    (listen, host): (&str, Option<&str>),
) -> Result<SocketAddr> {
    let swept = sweeper.map(Sweeper::into_services);
    let services = swept
        .into_iter()
        .fold(queues.server().into_services(), Router::merge);
    let server = Server::new(token)
        .services(services)
        .routes(metrics.routes(move || queues.served()))
        .timed(move |path, took| metrics.called(path, took));
    let server = host.into_iter().fold(server, Server::host);
    serve(stack, "timestone server", server, listen).await
}

/// Tells KEDA how much work there is.
pub(crate) async fn serve_keda(
    stack: &mut Stack,
    timestone: Arc<dyn Timestone>,
    config: &KedaConfig,
) -> Result<()> {
    let Some(listen) = &config.listen else {
        return Ok(());
    };
    let services = KedaScaler::new(timestone).into_services();
    let server = Server::without_token().services(services);
    let hosts = config.hosts.iter();
    let server = hosts.fold(server, |server, host| server.host(host.clone()));
    serve(stack, "keda scaler", server, listen).await.map(drop)
}

/// How the workflows of every service are owned, and on what.
pub(crate) struct Plato {
    pub(crate) process: String,
    pub(crate) groups: u32,
    pub(crate) ttl: Duration,
    pub(crate) keep_ended: Option<Duration>,
    pub(crate) keep_ended_count: Option<u64>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timestone: Client,
    /// Whether this process owns the queues, in the same store.
    pub(crate) queue_in_store: bool,
    pub(crate) blobs: Blobs,
    /// Where they are measured.
    pub(crate) engines: Engines,
}

/// Runs the workflows of every service, each by an engine of its own.
pub(crate) async fn plato(stack: &mut Stack, services: Services, plato: Plato) -> Result<()> {
    for service in services {
        let name = service.name();
        let registry = definitions(*service)?;
        let runtime = PlatoRuntime::start(
            plato.config(name),
            plato.store.clone(),
            plato.timestone.clone(),
            plato.blobs.clone(),
            registry,
            parts::clock(),
        );
        let runtime = runtime
            .await
            .with_context(|| format!("cannot start the workflow engine of {name}"))?;
        plato.engines.add(&runtime);
        stack.push("plato", async move { runtime.shutdown().await });
    }
    Ok(())
}

/// The definitions of a service.
pub(crate) fn definitions(service: &dyn Built) -> Result<Arc<plato::Registry>> {
    let mut registry = plato::Registry::new();
    service.register(&mut registry)?;
    Ok(registry.into())
}

/// Serves workflows, and what is beside them, at an address of their own, and what is measured
/// there.
pub(crate) async fn serve_plato(
    stack: &mut Stack,
    services: Router,
    metrics: rpc::Routes,
    token: Token,
    listen: &str,
) -> Result<()> {
    let server = Server::new(token).services(services).routes(metrics);
    serve(stack, "plato server", server, listen).await.map(drop)
}

impl Plato {
    /// Names tell roles apart, as the roles of one host are different owners of leases.
    fn config(&self, service: &str) -> RuntimeConfig {
        RuntimeConfig {
            groups: self.groups,
            ttl: self.ttl,
            queue_in_store: self.queue_in_store,
            keep_ended: self.keep_ended,
            keep_ended_count: self.keep_ended_count,
            ..RuntimeConfig::new(service, format!("plato@{}", self.process))
        }
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

/// Takes requests for one service.
pub(crate) fn optimus<S: Service>(stack: &mut Stack, api: &Api, service: S) -> Requests<S> {
    let (settings, store) = (api.settings.clone(), api.store.clone());
    let timestone = api.timestone.clone();
    let runtime = OptimusRuntime::start(settings, store, timestone, parts::clock(), service);
    let requests = runtime.requests();
    stack.push("optimus", async move { runtime.shutdown().await });
    requests
}

/// Takes requests for every service, and serves their APIs, and what looks after their workflows
/// and functions, at one address; which it is.
pub(crate) async fn serve_optimus(
    stack: &mut Stack,
    services: Services,
    api: &Api,
    (workflows, catalog): (Option<PlatoServer>, Catalog),
    token: Token,
    listen: &str,
) -> Result<SocketAddr> {
    let mut routes = Router::new();
    for service in services {
        routes = service.open(stack, api, routes);
    }
    if let Some(workflows) = workflows {
        routes = workflows.register(routes);
    }
    let routes = routes.merge(catalog.into_services());
    let server = Server::new(token).services(routes);
    serve(stack, "optimus server", server, listen).await
}

async fn serve(
    stack: &mut Stack,
    name: &'static str,
    server: Server,
    listen: &str,
) -> Result<SocketAddr> {
    let address: SocketAddr = listen
        .parse()
        .with_context(|| format!("`{listen}` is not an address; one looks like 127.0.0.1:7400"))?;
    let bound = server.bind(address).await;
    let bound = bound.with_context(|| format!("cannot listen at {address}"))?;
    tracing::info!(name, url = bound.url(), "listening");
    let (stop, address) = (CancellationToken::new(), bound.address());
    let serving = tokio::spawn(bound.serve(stop.clone()));
    stack.push(name, async move {
        stop.cancel();
        if let Ok(Err(error)) = serving.await {
            tracing::warn!(name, %error, "the server did not end well");
        }
    });
    Ok(address)
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
