//! The engine of one service, and what looks after its workflows, in a process of their own.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use plato_runtime::{Definitions, PlatoRuntime, PlatoServer, RuntimeConfig, Workflows};
use rpc::{Bound, Router, Server};

use crate::{Config, parts};

/// A service's workflows at work, and where they are looked after.
pub(crate) struct Engine {
    pub(crate) runtime: PlatoRuntime,
    pub(crate) server: Bound,
}

impl Engine {
    /// Owns the workflows of the service, as the installation is configured.
    pub(crate) async fn start(
        name: &str,
        definitions: Definitions,
        config: &Config,
        listen: SocketAddr,
    ) -> Result<Self> {
        // Embedded, a store of its own: one process at a time can open it.
        let store = parts::open_store(config, &format!("services/{name}")).await?;
        let timestone = parts::remote(config)?;
        let groups = config.plato.groups;
        let (blobs, clock) = (parts::blobs(config)?, parts::clock());
        let known = definitions.clone();
        let looked_after = Workflows::new(store.clone(), name, groups, known, blobs.clone());
        let looked_after = looked_after.kept_for(config.keep_ended());
        let workflows = PlatoServer::new([looked_after], timestone.clone());
        let server = Server::new(parts::token(config)?).services(workflows.register(Router::new()));
        let server = server.bind(listen).await;
        let server = server.with_context(|| format!("cannot listen at {listen}"))?;
        let owner = RuntimeConfig {
            groups,
            ttl: config.ownership(),
            keep_ended: config.keep_ended(),
            keep_ended_count: config.plato.ended_count,
            ..RuntimeConfig::new(name, format!("plato@{}", parts::plato_name(config)))
        };
        let runtime = PlatoRuntime::start(owner, store, timestone, blobs, definitions, clock);
        let runtime = runtime
            .await
            .with_context(|| format!("cannot start the workflow engine of {name}"))?;
        Ok(Self { runtime, server })
    }
}
