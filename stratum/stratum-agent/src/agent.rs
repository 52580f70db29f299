use std::io;
use std::sync::Arc;

use blob::{BlobError, Blobs};
use clock::SharedClock;
use stratum::{FunctionName, Registry};
use stratum_init::Init;
use stratum_sources::OpenSources;
use timestone::Session;
use timestone_client::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::context::Context;
use crate::counts::{Counters, Counts};
use crate::versions::Versions;
use crate::work::Work;

/// A running agent. Dropping it kills what it runs; [`Agent::stop`] also gives
/// its leases back at once.
#[derive(Debug)]
pub struct Agent {
    counters: Arc<Counters>,
    stop: CancellationToken,
    work: Option<JoinHandle<()>>,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Init(#[from] stratum_init::Error),
    #[error("cannot sweep what earlier agents left: {0}")]
    Sweep(#[from] BlobError),
    #[error("cannot remove the mounts of frames that earlier agents left: {0}")]
    Mounts(#[from] io::Error),
    #[error("an agent without processors or without functions has nothing to do")]
    Idle,
    #[error(
        "function `{0}` has an image, and this agent has no container engine; name one in the \
         configuration: stratum.docker"
    )]
    NoEngine(FunctionName),
}

impl Agent {
    /// Sweeps what dead agents left, and starts to work on the functions of `registry`.
    ///
    /// # Errors
    /// When there is no `cosmos-init`, no engine for a function's image, the blob store cannot be
    /// read, or there is nothing to do.
    pub async fn start(
        config: Config,
        registry: Registry,
        timestone: Client,
        blobs: Blobs,
        clock: SharedClock,
    ) -> Result<Self, StartError> {
        if config.cpus == 0 || registry.packages().next().is_none() {
            return Err(StartError::Idle);
        }
        let unmounted = tokio::task::spawn_blocking(stratum_mount::remove_dead).await;
        let unmounted = unmounted.map_err(io::Error::other)??;
        let containers = sweep_containers(&config, &registry).await?;
        let swept = blobs.home().sweep_staging().await?;
        tracing::info!(
            agent = config.name,
            swept,
            unmounted,
            containers,
            "agent starts"
        );
        let counters = Arc::<Counters>::default();
        let context = Arc::new(Context {
            session: Session {
                owner: config.name.clone(),
                boot: uuid::Uuid::now_v7().to_string(),
            },
            sources: OpenSources::new(config.remote.clone(), config.source_memory),
            config,
            registry,
            versions: Versions::new(blobs.clone(), clock.clone()),
            timestone,
            blobs,
            clock,
            init: Init::locate()?,
            counters: counters.clone(),
        });
        let stop = CancellationToken::new();
        let work = Work::new(context, stop.clone());
        Ok(Self {
            counters,
            stop,
            work: Some(tokio::spawn(work.run())),
        })
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Kills what runs, gives the leases back, and removes what was staged.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(work) = self.work.take() {
            // One that panicked has nothing left to stop.
            let _ = work.await;
        }
    }
}

/// Removes the containers of an earlier life; how many there were.
async fn sweep_containers(config: &Config, registry: &Registry) -> Result<usize, StartError> {
    if let Some(containers) = &config.containers {
        return Ok(containers.sweep().await?);
    }
    let mut functions = registry.packages().map(|package| &package.function);
    match functions.find(|function| function.image.is_some()) {
        Some(function) => Err(StartError::NoEngine(function.name.clone())),
        None => Ok(0),
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}
