use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clock::{SharedClock, SystemClock};
use timestone::{LeaseToken, LeasedMessage, Refusal};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Client, TimestoneError};

/// Why a worker must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Somebody else may be working on the message now, or it has ended.
    Lost,
    /// The message was canceled.
    Canceled,
    /// The lease could not be renewed for as long as it lasts.
    Lapsed,
}

/// Keeps a lease while work goes on; dropped, it lets the lease go.
///
/// Time is what has [elapsed](clock::Clock::elapsed) on this machine, whatever its
/// clock is set to, also while the process was stopped: a process that sleeps
/// through its lease knows when it wakes, before it asks anybody. The queue itself relies on none of this; it
/// refuses what a late worker brings.
#[derive(Debug)]
pub struct Heartbeat {
    lost: CancellationToken,
    loss: Arc<OnceLock<Loss>>,
    _beating: DropGuard,
}

impl Heartbeat {
    /// Begins to renew the lease of `leased`, which has just been received. Must
    /// be called on a runtime.
    pub fn start(client: Client, leased: &LeasedMessage) -> Self {
        Self::start_by(Arc::new(SystemClock), client, leased)
    }

    fn start_by(clock: SharedClock, client: Client, leased: &LeasedMessage) -> Self {
        let end = CancellationToken::new();
        let beat = Beat {
            client,
            token: leased.token.clone(),
            lease: Duration::from_millis(leased.lease_ms),
            renewed: clock.elapsed(),
            clock,
        };
        let lost = CancellationToken::new();
        let loss = Arc::new(OnceLock::new());
        tokio::spawn(run(beat, end.clone(), lost.clone(), Arc::clone(&loss)));
        Self {
            lost,
            loss,
            _beating: end.drop_guard(),
        }
    }

    /// Canceled when the work must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Why the work must stop, if it must.
    pub fn loss(&self) -> Option<Loss> {
        self.loss.get().copied()
    }
}

async fn run(
    beat: Beat,
    end: CancellationToken,
    lost: CancellationToken,
    loss: Arc<OnceLock<Loss>>,
) {
    if let Some(why) = end.run_until_cancelled(beat.until_lost()).await {
        loss.get_or_init(|| why);
        lost.cancel();
    }
}

struct Beat {
    clock: SharedClock,
    client: Client,
    token: LeaseToken,
    lease: Duration,
    /// When the last renewal was asked for.
    renewed: Duration,
}

impl Beat {
    async fn until_lost(mut self) -> Loss {
        let mut next = self.after(self.renewed);
        loop {
            let until = next.min(self.lapse());
            self.clock.sleep_until_elapsed(until).await;
            let asked = self.clock.elapsed();
            if asked >= self.lapse() {
                return Loss::Lapsed;
            }
            next = match self.renew().await {
                Ok(Ok(())) => {
                    self.renewed = asked;
                    self.after(asked)
                }
                Ok(Err(loss)) => return loss,
                Err(why) => {
                    tracing::debug!(%why, message = self.token.key.id, "a lease was not renewed");
                    self.clock.elapsed() + self.lease / 10
                }
            };
        }
    }

    /// The next renewal: at most a third of the lease later, at a moment that all leases of this
    /// length have in common, so that their renewals travel together.
    fn after(&self, renewed: Duration) -> Duration {
        let latest = renewed + self.lease / 3;
        let common = (self.lease / 6).as_millis().max(1);
        let moment = latest.as_millis() / common * common;
        Duration::from_millis(u64::try_from(moment).unwrap_or(u64::MAX)).max(renewed)
    }

    fn lapse(&self) -> Duration {
        self.renewed + self.lease
    }

    /// Asks for the whole lease again, no longer than there is one.
    async fn renew(&self) -> Result<Result<(), Loss>, TimestoneError> {
        let extend = self.client.extend(vec![self.token.clone()], None);
        let outcomes = tokio::select! {
            outcomes = extend => outcomes,
            () = self.clock.sleep_until_elapsed(self.lapse()) => return Ok(Err(Loss::Lapsed)),
        };
        Ok(match outcomes?.pop() {
            Some(Err(Refusal::Canceled(_))) => Err(Loss::Canceled),
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(Loss::Lost),
        })
    }
}

#[cfg(test)]
mod tests;
