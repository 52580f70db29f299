use std::io;
use std::sync::Arc;
use std::time::Duration;

use blob::{BlobError, Blobs};
use clock::SharedClock;
use stratum::{FunctionName, Registry};
use stratum_init::Init;
use stratum_sources::OpenSources;
use timestone::{LeasedMessage, Session};
use timestone_client::{Client, DequeueRequest, TimestoneError, names};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::capacity::Capacity;
use crate::context::Context;
use crate::counts::{Counters, Counts};
use crate::delivery::{self, Delivery};
use crate::heartbeat::Leases;
use crate::stop::{self, Reason};
use crate::versions::Versions;
use crate::{Config, settle};

/// One wait for work.
const WAIT_MS: u64 = 20_000;
/// Pause after a queue that could not be reached.
const PAUSE: Duration = Duration::from_millis(500);

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
            versions: Versions::new(blobs.clone()),
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

/// Leases as long as there is room, and places what it leased.
struct Work {
    context: Arc<Context>,
    leases: Arc<Leases>,
    stop: CancellationToken,
    free: watch::Sender<Capacity>,
    total: Capacity,
    deliveries: JoinSet<()>,
    queues: Vec<String>,
}

impl Work {
    fn new(context: Arc<Context>, stop: CancellationToken) -> Self {
        let total = Capacity {
            cpus: context.config.cpus,
            memory: context.config.memory,
        };
        let packages = context.registry.packages();
        let names = packages.map(|package| names::function(package.function.name.as_str()));
        Self {
            queues: names.collect(),
            context,
            leases: Arc::default(),
            stop,
            free: watch::Sender::new(total),
            total,
            deliveries: JoinSet::new(),
        }
    }

    async fn run(mut self) {
        let (context, leases) = (self.context.clone(), self.leases.clone());
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
            () = leases.beat(&context) => {}
        }
        self.leases.stop_all(Reason::Shutdown);
        while self.deliveries.join_next().await.is_some() {}
        self.context.versions.discard().await;
        tracing::info!(agent = self.context.config.name, "agent stops");
    }

    async fn work(&mut self) {
        loop {
            // What has ended need not be kept.
            while self.deliveries.try_join_next().is_some() {}
            let free = self.wait_for(Capacity { cpus: 1, memory: 0 }).await;
            match self.lease(free.cpus).await {
                Ok(messages) => self.accept(messages).await,
                Err(error) => self.pause(&error).await,
            }
        }
    }

    /// Returns what is free when `wanted` is.
    async fn wait_for(&self, wanted: Capacity) -> Capacity {
        let mut free = self.free.subscribe();
        let fits = free.wait_for(|free| free.fits(wanted)).await;
        // The sender is ours: it cannot be gone.
        fits.map_or(self.total, |free| *free)
    }

    async fn lease(&self, max: u32) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let request = DequeueRequest {
            queues: self.queues.clone(),
            max,
            wait_ms: WAIT_MS,
            lease_ms: self.context.config.lease_ms,
            session: self.context.session.clone(),
            request_id: uuid::Uuid::now_v7().to_string(),
        };
        self.context.timestone.dequeue(request).await
    }

    async fn pause(&self, error: &TimestoneError) {
        tracing::warn!(%error, "cannot lease work");
        let clock = &self.context.clock;
        clock.sleep(PAUSE).await;
    }

    async fn accept(&mut self, messages: Vec<LeasedMessage>) {
        // All are held from now on; some may wait for room.
        let messages = messages.into_iter().map(|message| {
            let (stopper, stop) = stop::channel();
            self.leases.hold(&message, stopper);
            (message, stop)
        });
        for (message, stop) in messages.collect::<Vec<_>>() {
            let token = message.token.clone();
            match Delivery::new(&self.context, message, stop).await {
                Ok(delivery) => self.place(delivery).await,
                Err(unreadable) => {
                    settle::unreadable(&self.context, token.clone(), &unreadable).await;
                    self.leases.forget(&token);
                }
            }
        }
    }

    async fn place(&mut self, delivery: Delivery) {
        let wanted = delivery
            .shape()
            .map_or(Capacity { cpus: 0, memory: 0 }, Capacity::of);
        if !self.total.fits(wanted) {
            settle::too_large(&self.context, &delivery).await;
            self.leases.forget(delivery.token());
            return;
        }
        // If it is told to stop while it waits, it will find out when it runs.
        self.wait_for(wanted).await;
        self.free.send_modify(|free| *free = free.minus(wanted));
        let (context, leases, free) =
            (self.context.clone(), self.leases.clone(), self.free.clone());
        self.deliveries.spawn(async move {
            let token = delivery.token().clone();
            delivery::run(&context, delivery).await;
            leases.forget(&token);
            free.send_modify(|free| *free = free.plus(wanted));
        });
    }
}
