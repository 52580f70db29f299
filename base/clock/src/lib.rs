//! The only door to time: a clock trait, the system clock and one that tests turn.

mod manual;
mod system;
mod time;

pub use manual::ManualClock;
pub use system::SystemClock;
pub use time::Timestamp;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A source of time and of waiting. Nothing else in the platform reads a clock.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Completes when the clock has reached `until`; at once when it already has.
    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The time since some fixed moment. Whoever sets the clock does not move it, and it runs
    /// on while the machine sleeps.
    fn elapsed(&self) -> Duration;

    /// Completes when [`elapsed`](Self::elapsed) has reached `until`.
    fn sleep_until_elapsed(&self, until: Duration)
    -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Completes when so much time has passed, whatever becomes of the clock meanwhile: one
    /// that is set back an hour must not hold up a pause, a timeout or a sign of life.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep_until_elapsed(self.elapsed().saturating_add(duration))
    }
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;
