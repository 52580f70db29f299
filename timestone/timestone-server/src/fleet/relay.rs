//! Runs the errands of one shard: what its messages mean for queues of the others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use timestone_client::TimestoneError;

use super::router::Router;
use crate::LocalTimestone;

/// After a failure it is tried again this much later.
const PAUSE: Duration = Duration::from_millis(100);

/// The task that runs errands.
pub(super) struct Relay {
    from: Arc<LocalTimestone>,
    router: Arc<Router>,
    /// Shards that errands are being run for; none waits for another.
    busy: BTreeSet<u32>,
    runs: FuturesUnordered<BoxFuture<'static, u32>>,
}

impl Relay {
    pub(super) fn new(from: Arc<LocalTimestone>, router: Arc<Router>) -> Self {
        Self {
            from,
            router,
            busy: BTreeSet::new(),
            runs: FuturesUnordered::new(),
        }
    }

    /// Until the shard is another's.
    pub(super) async fn run(mut self) {
        loop {
            let from = Arc::clone(&self.from);
            tokio::select! {
                () = from.over() => return,
                () = from.errands_wait() => {}
                Some(shard) = self.runs.next(), if !self.runs.is_empty() => {
                    self.busy.remove(&shard);
                }
            }
            // A shard that cannot tell now tells when it is read anew.
            for shard in self.from.errands_for().await.unwrap_or_default() {
                if self.busy.insert(shard) {
                    let run = run(Arc::clone(&self.from), Arc::clone(&self.router), shard);
                    self.runs.push(Box::pin(run));
                }
            }
        }
    }
}

/// Runs the errands for one shard, some at a time.
async fn run(from: Arc<LocalTimestone>, router: Arc<Router>, to: u32) -> u32 {
    if let Err(why) = run_some(&from, &router, to).await {
        tracing::debug!(to, %why, "errands of a queue are tried again");
        tokio::time::sleep(PAUSE).await;
    }
    to
}

async fn run_some(from: &LocalTimestone, router: &Router, to: u32) -> Result<(), TimestoneError> {
    let (numbers, errands): (Vec<_>, Vec<_>) = from.errands(to).await?.into_iter().unzip();
    let outcomes = router.receive(to, errands).await?;
    let mut done = Vec::new();
    for (number, outcome) in numbers.into_iter().zip(outcomes) {
        match outcome {
            Err(refusal) if refusal.is_temporary() => {
                tracing::debug!(to, %refusal, "an errand of a queue waits");
            }
            Err(refusal) => {
                tracing::error!(to, %refusal, "an errand of a queue cannot be run, and is dropped");
                done.push(number);
            }
            Ok(_) => done.push(number),
        }
    }
    match done.is_empty() {
        true => {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
        false => from.errands_done(to, done).await,
    }
}
