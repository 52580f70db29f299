//! How fast a pass goes.

use std::time::Duration;

use clock::SharedClock;

/// Rests between steps, so that a pass takes no more than its share of the time.
#[derive(Clone)]
pub struct Pace {
    clock: SharedClock,
    /// Of a hundred parts of the time, those that are worked.
    percent: u32,
}

impl Pace {
    /// Works `percent` of the time, from 1 to 100.
    pub fn new(clock: SharedClock, percent: u32) -> Self {
        let percent = percent.clamp(1, 100);
        Self { clock, percent }
    }

    pub(crate) fn begin(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Rests after what was begun then.
    pub(crate) async fn rest(&self, begun: Duration) {
        let worked = self.clock.elapsed().saturating_sub(begun);
        let rest = worked * (100 - self.percent) / self.percent;
        if !rest.is_zero() {
            self.clock.sleep(rest).await;
        }
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace")
            .field("percent", &self.percent)
            .finish_non_exhaustive()
    }
}
