//! Removes blobs that nothing refers to any more, now and then and when somebody asks.

mod metrics;
mod service;
mod steady;

pub(crate) use metrics::Measured;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use blob::{Blobs, MEMO_STAYS_YOUNG};
use clock::SharedClock;
use errors::Error;
use service_kit::SweepConfig;
use store::{Fence, Store, StoreError};
use sweep::{Pace, Pass, Report, SweepError, Terms, Walked};
use tokio_util::sync::CancellationToken;

use crate::parts;
use crate::stack::Stack;
use metrics::Figures;
use steady::Steady;

/// Names the process that sweeps: of those that share a store, one at a time.
const SHARD: &str = "sweep";
/// A sweeper that is not heard of for so long is followed by another.
const TTL: Duration = Duration::from_secs(60);
/// Less than this is not longer than what puts a blob and refers to it may take.
const MIN_GRACE: Duration = Duration::from_secs(600);

/// Sweeps the blobs of an installation whose state is in one store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sweeper(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    blobs: Blobs,
    clock: SharedClock,
    owner: String,
    config: SweepConfig,
    steady: Mutex<Steady>,
    figures: Arc<Figures>,
    turn: tokio::sync::Mutex<()>,
    /// Stores that this process cannot read.
    elsewhere: Vec<String>,
}

impl Sweeper {
    /// Of `blobs`, all references to which are in `store`, but for those of services that keep
    /// their state `elsewhere`.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        blobs: Blobs,
        config: &SweepConfig,
        elsewhere: Vec<String>,
    ) -> Result<Self> {
        check(config)?;
        let grace = config.grace();
        let clock = parts::clock();
        Ok(Self(Arc::new(Inner {
            steady: Mutex::new(Steady::new(&*clock, grace)),
            store,
            blobs,
            clock,
            owner: format!("sweeper@{}", ids::time_ordered()),
            config: config.clone(),
            figures: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            elsewhere,
        })))
    }

    /// Sweeps now and then, until the stack is shut down.
    pub(crate) fn start(&self, stack: &mut Stack) {
        let (stop, sweeper) = (CancellationToken::new(), self.clone());
        let stopped = stop.clone();
        let sweeping = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = sweeper.now_and_then() => {}
            }
        });
        stack.push("sweeper", async move {
            stop.cancel();
            // One that panicked sweeps no more either.
            let _ = sweeping.await;
        });
    }

    async fn now_and_then(&self) {
        let every = Duration::from_secs(self.0.config.every_seconds);
        while !every.is_zero() {
            self.0.clock.sleep(every).await;
            match self.pass(false).await {
                Ok(report) if report.removed + report.forgotten == 0 => {
                    tracing::debug!(?report, "blobs swept");
                }
                Ok(report) => tracing::info!(
                    removed = report.removed,
                    bytes = report.removed_bytes,
                    memos = report.forgotten,
                    "blobs that nothing refers to were removed"
                ),
                Err(error) if error.code == RUNS => tracing::debug!(%error, "not swept"),
                Err(error) => tracing::warn!(%error, "blobs were not swept"),
            }
        }
    }

    /// One pass; in a dry run nothing is removed.
    pub(crate) async fn pass(&self, dry_run: bool) -> Result<Report, Error> {
        let passed = self.0.alone(dry_run).await;
        self.0.figures.passed(&passed, dry_run, self.0.clock.now());
        passed
    }
}

fn check(config: &SweepConfig) -> Result<()> {
    let (grace, keep) = (config.grace(), config.keep_memos());
    ensure!(
        grace >= MIN_GRACE,
        "blobs.sweep.grace_seconds: {} is too short: a blob is put before it is referred to; from \
         {}",
        config.grace_seconds,
        MIN_GRACE.as_secs()
    );
    ensure!(
        keep.is_none_or(|keep| keep >= grace.saturating_add(MEMO_STAYS_YOUNG)),
        "blobs.sweep.memos_keep_days: {} is too short: what a memo answered is used for as long as \
         `grace_seconds`, and a day passes until it is noted again that a memo was used",
        config.memos_keep_days
    );
    Ok(())
}

/// The code of a pass that another keeps from going on.
const RUNS: &str = "SWEEP_RUNS";

impl Inner {
    async fn alone(&self, dry_run: bool) -> Result<Report, Error> {
        self.check()?;
        let _turn = self.turn.try_lock().map_err(|_| runs("this process"))?;
        let fence = self.store.acquire(SHARD, &self.owner, TTL).await;
        let fence = fence.map_err(|error| match error {
            StoreError::Owned { owner, .. } => runs(&owner),
            error => failed(error.into()),
        })?;
        let swept = tokio::select! {
            swept = self.sweep(&fence, dry_run) => swept,
            lost = self.keep(&fence) => Err(lost.into()),
        };
        // Else it lapses.
        let _ = self.store.release(&fence).await;
        swept.map_err(failed)
    }

    fn check(&self) -> Result<(), Error> {
        if let [service, ..] = &self.elsewhere[..] {
            return Err(blind(service));
        }
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.check(&*self.clock).map_err(jumped)
    }

    async fn sweep(&self, fence: &Fence, dry_run: bool) -> Result<Report, SweepError> {
        let folder = self.blobs.home().staging("sweep").await?;
        let terms = Terms {
            grace: self.config.grace(),
            memos_keep: self.config.keep_memos(),
            most: self.config.blobs_per_pass,
            dry_run,
        };
        let pace = Pace::new(Arc::clone(&self.clock), self.config.percent);
        let mut pass = Pass::begin(self.clock.now(), terms, folder.clone(), pace);
        pass.mark(&mut Walked::new(self.store.walk().await?))
            .await?;
        pass.follow(self.blobs.home()).await?;
        // A walk may have met the end of a reference before that was on stable storage. What is
        // stored after it is there only if it is.
        self.store.renew(fence, TTL).await?;
        let report = pass.sweep(self.blobs.home()).await?;
        self.blobs.home().discard(&folder).await?;
        Ok(report)
    }

    /// Stays the one that sweeps; why it is not any more.
    async fn keep(&self, fence: &Fence) -> StoreError {
        loop {
            self.clock.sleep(TTL / 4).await;
            let renewed = self.store.renew(fence, TTL).await;
            // Another failure is tried again, and it lapses at worst.
            if let Err(error @ StoreError::Fenced { .. }) = renewed {
                return error;
            }
        }
    }
}

fn runs(owner: &str) -> Error {
    let message = format!("a pass goes on already, by {owner}");
    Error::platform(RUNS, message).hint("try again when it has ended")
}

fn failed(why: SweepError) -> Error {
    Error::platform("SWEEP_FAILED", why.to_string())
        .hint("nothing is lost by that; try again when the store and the blobs can be read")
}

fn blind(service: &str) -> Error {
    let message = format!(
        "the service {service} keeps its state in a store of its own, and what it refers to is \
         not known here"
    );
    Error::user("SWEEP_BLIND", message)
        .hint("keep the state of the installation in PostgreSQL: `store` of the configuration")
}

fn jumped(left: Duration) -> Error {
    let message = "the clock of this machine was set, so ages of blobs cannot be trusted";
    Error::platform("CLOCK_JUMPED", message).hint(format!("try again in {} s", left.as_secs() + 1))
}
