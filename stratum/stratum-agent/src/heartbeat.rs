//! Leases are renewed while their deliveries run, and deliveries hear when theirs is lost.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use timestone::{LeaseToken, LeasedMessage, Refusal};
use timestone_client::{Outcomes, TimestoneError};
use tokio::sync::Notify;

use crate::context::Context;
use crate::stop::{Reason, Stopper};

/// Renewals in the time of one lease.
const BEATS: u64 = 3;

/// The leases that an agent holds.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    held: Mutex<HashMap<LeaseToken, Held>>,
    changed: Notify,
}

#[derive(Debug)]
struct Held {
    lease_ms: u64,
    stopper: Stopper,
}

impl Leases {
    /// Renews the lease of `message` from now on.
    pub(crate) fn hold(&self, message: &LeasedMessage, stopper: Stopper) {
        let held = Held {
            lease_ms: message.lease_ms,
            stopper,
        };
        self.held().insert(message.token.clone(), held);
        self.changed.notify_one();
    }

    /// No longer renews it: the delivery has ended.
    pub(crate) fn forget(&self, token: &LeaseToken) {
        self.held().remove(token);
    }

    /// Tells every delivery to stop.
    pub(crate) fn stop_all(&self, reason: Reason) {
        self.held()
            .values()
            .for_each(|held| held.stopper.stop(reason));
    }

    /// Renews leases for ever.
    pub(crate) async fn beat(&self, context: &Context) {
        loop {
            let Some(pause) = self.pause() else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                // A lease that came meanwhile may be shorter than the others.
                () = self.changed.notified() => {}
                () = context.clock.sleep(pause) => {
                    self.renew(context).await;
                }
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<LeaseToken, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time to the next renewal; `None` while there is nothing to renew.
    fn pause(&self) -> Option<Duration> {
        let shortest = self.held().values().map(|held| held.lease_ms).min()?;
        Some(Duration::from_millis(shortest / BEATS))
    }

    async fn renew(&self, context: &Context) {
        let tokens: Vec<LeaseToken> = self.held().keys().cloned().collect();
        match context.timestone.extend(tokens.clone(), None).await {
            Ok(outcomes) => self.hear(tokens, outcomes),
            // The next beat tries again; what lapses meanwhile is refused at its end.
            Err(TimestoneError::Unavailable(problem)) => {
                tracing::warn!(%problem, "leases could not be renewed");
            }
            Err(TimestoneError::Refused(problem)) => {
                tracing::error!(%problem, "leases could not be renewed");
            }
        }
    }

    fn hear(&self, tokens: Vec<LeaseToken>, outcomes: Outcomes) {
        let held = self.held();
        for (token, outcome) in tokens.into_iter().zip(outcomes) {
            let (Err(refusal), Some(held)) = (outcome, held.get(&token)) else {
                continue;
            };
            held.stopper.stop(match refusal {
                Refusal::Canceled(_) => Reason::Canceled,
                _ => Reason::LeaseLost,
            });
        }
    }
}
