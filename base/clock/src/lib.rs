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

/// A source of time and of waiting. Nothing else in the platform reads a clock.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Completes when the clock has reached `until`; at once when it already has.
    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;
