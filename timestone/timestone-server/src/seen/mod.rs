//! What is seen of the queues from outside: as it happens, as it was, and in numbers.
//!
//! Events leave the owner when what they tell is stored, and nobody waits for them:
//! who is slow misses some, and is told so.

mod feed;
mod figures;
mod history;
mod metrics;
mod scrape;
mod watching;

pub(crate) use feed::Feed;
pub use figures::Reading;
pub(crate) use history::History;
pub use history::HistoryOptions;
pub use metrics::Metrics;
pub(crate) use watching::watch;
