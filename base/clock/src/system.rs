use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::{Clock, Timestamp};

/// The longest single wait: after it the clock is read again, so that a clock set
/// forward, or a machine that slept, is noticed.
const RECHECK: Duration = Duration::from_secs(1);

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(sleep_while(move || until.since(self.now())))
    }

    fn elapsed(&self) -> Duration {
        let boot = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(boot.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(boot.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanos)
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(sleep_while(move || until.saturating_sub(self.elapsed())))
    }
}

/// Sleeps until nothing is `left`.
async fn sleep_while(left: impl Fn() -> Duration) {
    loop {
        let left = left();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(RECHECK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_time_has_come() {
        let clock = SystemClock;
        let (until, then) = (clock.elapsed() + Duration::from_millis(5), clock.now());
        clock.sleep_until_elapsed(until).await;
        assert!(clock.elapsed() >= until);
        clock.sleep_until(then + Duration::from_millis(5)).await;
        assert!(clock.now() >= then + Duration::from_millis(5));
    }
}
