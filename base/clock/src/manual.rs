use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Timestamp};

/// A clock that stands still until it is turned.
#[derive(Clone, Debug)]
pub struct ManualClock {
    time: watch::Sender<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        let elapsed = Duration::ZERO;
        Self {
            time: watch::Sender::new(Time { now, elapsed }),
        }
    }

    /// Lets time pass, and wakes the sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        self.time.send_modify(|time| {
            time.now = time.now + by;
            time.elapsed += by;
        });
    }

    /// Sets the clock, also backwards, as an administrator would: no time passes.
    pub fn set(&self, now: Timestamp) {
        self.time.send_modify(|time| time.now = now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time.borrow().now
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = self
                .time
                .subscribe()
                .wait_for(|time| time.now >= until)
                .await;
        })
    }

    fn elapsed(&self) -> Duration {
        self.time.borrow().elapsed
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let _ = self
                .time
                .subscribe()
                .wait_for(|time| time.elapsed >= until)
                .await;
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

    #[tokio::test]
    async fn a_pause_is_as_long_when_the_clock_is_set_back() {
        let clock = ManualClock::new(Timestamp::from_unix_ms(3_600_000));
        let pause = clock.sleep(Duration::from_secs(1));
        clock.set(Timestamp::from_unix_ms(0));
        clock.advance(Duration::from_secs(1));
        pause.await;
        assert_eq!(clock.now(), Timestamp::from_unix_ms(1_000));
    }

    #[test]
    fn a_clock_that_is_set_has_not_run() {
        let clock = ManualClock::new(Timestamp::from_unix_ms(1_000));
        clock.advance(Duration::from_millis(5));
        clock.set(Timestamp::from_unix_ms(0));
        assert_eq!(clock.elapsed(), Duration::from_millis(5));
        assert_eq!(clock.now(), Timestamp::from_unix_ms(0));
    }
}
