use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Timestamp};

/// A clock that stands still until it is turned.
#[derive(Clone, Debug)]
pub struct ManualClock {
    time: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            time: watch::Sender::new(now),
        }
    }

    /// Moves the clock forward and wakes the sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        self.time.send_modify(|now| *now = *now + by);
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.time.send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.time.borrow()
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = self.time.subscribe().wait_for(|now| *now >= until).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_is_turned_past_them() {
        let clock = ManualClock::new(Timestamp::from_unix_ms(1_000));
        let sleeper = clock.clone();
        let task = tokio::spawn(async move {
            sleeper.sleep_until(Timestamp::from_unix_ms(1_500)).await;
            sleeper.now()
        });
        clock.advance(Duration::from_millis(500));
        assert_eq!(task.await.ok(), Some(Timestamp::from_unix_ms(1_500)));
    }
}
