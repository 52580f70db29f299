//! A whole installation, or one role of it, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use blob::Blobs;
use plato_runtime::{Engines, PlatoServer, Remote, Workflows};
use rpc::Router;
use sources::Sources;
use store::Store;
use store_fjall::Options;
use stratum_catalog::{Catalog, Pins};
use timestone_client::Client;
use timestone_server::{HistoryOptions, Metrics};
use tokio_util::sync::CancellationToken;

use crate::advertise::Advertised;
use crate::roles::{Plato, Queues, Seen};
use crate::services::{self, Api, Services};
use crate::stack::{Role, Stack};
use crate::sweeper::{Measured, Sweeper};
use crate::versions::Versions;
use crate::{Config, functions, outside, parts, roles};

/// Runs every role in this process until `stop`.
pub async fn up(config: &Config, stop: CancellationToken) -> Result<()> {
    let mut stack = Stack::default();
    let started = start_all(&mut stack, services::ALL, config).await;
    ended(stack, started, stop).await
}

/// Runs one role until `stop`.
pub async fn run(role: Role, config: &Config, stop: CancellationToken) -> Result<()> {
    let mut stack = Stack::default();
    let started = start(&mut stack, services::ALL, role, config).await;
    ended(stack, started, stop).await
}

async fn ended(stack: Stack, started: Result<()>, stop: CancellationToken) -> Result<()> {
    if started.is_ok() {
        tracing::info!("ready");
        stop.cancelled().await;
    }
    stack.shutdown().await;
    started
}

async fn start_all(stack: &mut Stack, services: Services, config: &Config) -> Result<()> {
    let store = parts::open_store(config, "store").await?;
    let blobs = parts::blobs(config)?;
    let engines = Engines::default();
    let sweeper = sweeper(services, config, store.clone(), blobs.clone())?;
    let beside = Beside {
        measured: Some(Measured::new(engines.clone(), Some(&sweeper))),
        sweeper: Some(sweeper.clone()),
    };
    let queues = start_timestone(stack, config, store.clone(), beside).await?;
    let timestone = Client::new(queues.timestone()).with_blobs(blobs.clone());
    let on = On {
        store,
        timestone,
        queue_in_store: config.is_embedded(),
        blobs,
        engines,
    };
    start_plato(stack, services, config, on.clone(), None).await?;
    let (timestone, blobs) = (on.timestone.clone(), on.blobs.clone());
    start_stratum(stack, services, config, timestone, blobs).await?;
    let outside = outside::start(stack, services, config)?;
    start_optimus(stack, services, config, on, Some(outside)).await?;
    sweeper.start(stack);
    Ok(())
}

/// Whoever sweeps the blobs of an installation whose state is in `store`, but for that of
/// services which keep it in stores of their own.
fn sweeper(
    services: Services,
    config: &Config,
    store: Arc<dyn Store>,
    blobs: Blobs,
) -> Result<Sweeper> {
    let elsewhere = match config.is_embedded() {
        true => outside::programs(services, config)?,
        false => Vec::new(),
    };
    Sweeper::new(store, blobs, &config.blobs.sweep, elsewhere)
}

async fn start(stack: &mut Stack, services: Services, role: Role, config: &Config) -> Result<()> {
    match role {
        Role::Timestone => {
            let store = parts::open_store(config, "timestone").await?;
            let beside = Beside::default();
            start_timestone(stack, config, store, beside)
                .await
                .map(drop)
        }
        Role::Plato => {
            let on = alone(config, "plato").await?;
            // Embedded, what else refers to blobs is in stores that only their roles can open.
            let sweeper = match config.is_embedded() {
                true => None,
                false => Some(sweeper(
                    services,
                    config,
                    on.store.clone(),
                    on.blobs.clone(),
                )?),
            };
            start_plato(stack, services, config, on, sweeper).await
        }
        Role::Stratum => {
            start_stratum(
                stack,
                services,
                config,
                parts::remote(config)?,
                parts::blobs(config)?,
            )
            .await
        }
        Role::Optimus => {
            let on = alone(config, "optimus").await?;
            // Embedded, the engine's workflows are in a store that only the engine can open.
            let sees_workflows = (!config.is_embedded()).then(Vec::new);
            start_optimus(stack, services, config, on, sees_workflows)
                .await
                .map(drop)
        }
    }
}

/// What a process has beside its queues, and serves where they are served.
#[derive(Default)]
struct Beside {
    measured: Option<Measured>,
    sweeper: Option<Sweeper>,
}

async fn start_timestone(
    stack: &mut Stack,
    config: &Config,
    store: Arc<dyn Store>,
    beside: Beside,
) -> Result<Queues> {
    let timestone = &config.timestone;
    let measured = beside.measured.map(|measured| Box::new(measured) as _);
    let metrics = Metrics::new(timestone.metrics_queues, measured);
    let seen = Seen {
        history: history(config, store.clone())?,
        metrics: Some(metrics.clone()),
    };
    let ttl = Duration::from_secs(timestone.ownership_seconds.max(1));
    let token = parts::token(config)?;
    let advertised = Advertised::of(config)?;
    let queues = match config.is_embedded() {
        true => Queues::Owner(roles::timestone(stack, store, ttl, seen)),
        false => {
            let fleet = roles::fleet(store, timestone.shards, token.clone(), (ttl, seen));
            Queues::Fleet(fleet.await?)
        }
    };
    let at = (&*timestone.listen, advertised.host());
    let served = (queues.clone(), beside.sweeper);
    let address = roles::serve_timestone(stack, served, metrics, token, at).await?;
    if let Queues::Fleet(fleet) = &queues {
        roles::join(stack, fleet, &advertised.url(address));
    }
    roles::serve_keda(stack, queues.timestone(), &timestone.keda).await?;
    Ok(queues)
}

/// Embedded, history has a store of its own: the queues do not wait for its upkeep.
fn history(config: &Config, store: Arc<dyn Store>) -> Result<Option<HistoryOptions>> {
    let history = &config.timestone.history;
    if history.days == 0 {
        return Ok(None);
    }
    // Nobody waits for it, so it keeps nobody waiting.
    let options = Options {
        in_place: false,
        ..Options::default()
    };
    Ok(Some(HistoryOptions {
        store: match config.is_embedded() {
            true => parts::embedded(&config.data.join("history"), options)?,
            false => store,
        },
        keep: Duration::from_secs(u64::from(history.days) * 86_400),
        max_bytes: history.megabytes << 20,
    }))
}

/// What a role that keeps state stands on.
#[derive(Clone)]
pub(crate) struct On {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) timestone: Client,
    /// Whether this process owns the queues, in the same store.
    pub(crate) queue_in_store: bool,
    pub(crate) blobs: Blobs,
    /// What is measured of the workflow engines of this process.
    pub(crate) engines: Engines,
}

/// What one that is a process of its own stands on.
async fn alone(config: &Config, name: &str) -> Result<On> {
    Ok(On {
        store: parts::open_store(config, name).await?,
        timestone: parts::remote(config)?,
        queue_in_store: false,
        blobs: parts::blobs(config)?,
        engines: Engines::default(),
    })
}

pub(crate) async fn start_plato(
    stack: &mut Stack,
    services: Services,
    config: &Config,
    on: On,
    sweeper: Option<Sweeper>,
) -> Result<()> {
    if let Some(listen) = &config.plato.listen {
        let served = workflows(services, config, &on)?.register(Router::new());
        let measured = Measured::new(on.engines.clone(), sweeper.as_ref());
        let swept = sweeper.clone().map(Sweeper::into_services);
        let served = swept.into_iter().fold(served, Router::merge);
        let token = parts::token(config)?;
        roles::serve_plato(stack, served, measured.routes(), token, listen).await?;
    }
    let plato = Plato {
        process: parts::plato_name(config),
        groups: config.plato.groups,
        ttl: config.ownership(),
        keep_ended: config.keep_ended(),
        keep_ended_count: config.plato.ended_count,
        store: on.store,
        timestone: on.timestone,
        queue_in_store: on.queue_in_store,
        blobs: on.blobs,
        engines: on.engines,
    };
    roles::plato(stack, services, plato).await?;
    if let Some(sweeper) = sweeper {
        sweeper.start(stack);
    }
    Ok(())
}

async fn start_stratum(
    stack: &mut Stack,
    services: Services,
    config: &Config,
    timestone: Client,
    blobs: Blobs,
) -> Result<()> {
    let stratum = &config.stratum;
    let name = stratum.name.clone().unwrap_or_else(parts::host_name);
    let roots = Some(config.optimus.source_roots.clone());
    let mut agent = roles::agent_config(name, stratum.cpus, stratum.memory_mb, roots);
    agent.lease_ms = Some(config.timestone.lease_seconds * 1_000);
    agent.remote = parts::source_servers(config)?;
    if let Some(mb) = config.sources.memory_mb {
        agent.source_memory = mb << 20;
    }
    agent.keep_logs = stratum.keep_logs;
    agent.containers = parts::containers(config, &agent.name).await?;
    let mut registry = functions::registry(services).context("cannot find the functions")?;
    registry.append(functions::of_services(config)?)?;
    roles::stratum(stack, agent, registry, timestone, blobs).await
}

/// The workflows of every service, for those who look after them.
fn workflows(services: Services, config: &Config, on: &On) -> Result<PlatoServer> {
    let mut all = Vec::new();
    for service in services {
        let definitions = roles::definitions(*service)?;
        let (store, groups) = (on.store.clone(), config.plato.groups);
        let blobs = on.blobs.clone();
        let workflows = Workflows::new(store, service.name(), groups, definitions, blobs);
        all.push(workflows.kept_for(config.keep_ended()));
    }
    Ok(PlatoServer::new(all, on.timestone.clone()))
}

/// Where the API is served, and what looks after workflows, of services in other processes too,
/// where it sees them.
pub(crate) async fn start_optimus(
    stack: &mut Stack,
    services: Services,
    config: &Config,
    on: On,
    sees_workflows: Option<Vec<Remote>>,
) -> Result<SocketAddr> {
    let catalog = catalog(services, config, &on);
    let versions = Arc::new(Versions(catalog.clone()));
    let workflows = match sees_workflows {
        Some(outside) => {
            let seen = workflows(services, config, &on)?.with(outside);
            Some(seen.pinned_by(versions.clone()))
        }
        None => None,
    };
    let api = Api {
        settings: optimus::Config {
            groups: config.plato.groups,
            ownership: config.ownership(),
            versions,
            ..optimus::Config::default()
        },
        store: on.store,
        timestone: on.timestone,
        blobs: on.blobs,
        sources: Sources::of(
            config.optimus.source_roots.clone(),
            parts::source_servers(config)?,
        ),
        output_roots: config.optimus.output_roots.clone(),
    };
    let listen = &config.optimus.listen;
    roles::serve_optimus(
        stack,
        services,
        &api,
        (workflows, catalog),
        parts::token(config)?,
        listen,
    )
    .await
}

fn catalog(services: Services, config: &Config, on: &On) -> Catalog {
    let installed = installed(services, config);
    Catalog::new(on.store.clone(), on.blobs.clone(), installed)
}

/// Without another version, requests are pinned to the functions of this machine where it has
/// them; an API server without them leaves the choice to the agents.
fn installed(services: Services, config: &Config) -> Pins {
    let registry = functions::registry(services).map_err(anyhow::Error::from);
    let all = registry.and_then(|mut registry| {
        registry.append(functions::of_services(config)?)?;
        Ok(registry)
    });
    match all {
        Ok(registry) => functions::digests(&registry),
        Err(error) => {
            tracing::warn!("requests are not pinned to function packages: {error:#}");
            Pins::new()
        }
    }
}
