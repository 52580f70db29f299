use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use timestone::{Event, Queues};
use tokio::sync::{Notify, broadcast};

use super::metrics::Share;
use super::{History, Metrics};

/// Batches of events that a watcher may be behind.
const MAX_BEHIND: usize = 256;

/// Events that happened one after another.
pub(crate) type Events = Arc<[Event]>;

/// Hands events on to all who want them.
#[derive(Debug)]
pub(crate) struct Feed {
    watchers: broadcast::Sender<Events>,
    history: Option<History>,
    metrics: Option<Arc<Metrics>>,
    share: Share,
    /// The number of the event after the last that was handed on.
    next: AtomicU64,
    /// Told when there are errands for other shards.
    errands: Notify,
}

impl Feed {
    pub(crate) fn new(history: Option<History>, metrics: Option<Arc<Metrics>>) -> Self {
        Self {
            watchers: broadcast::Sender::new(MAX_BEHIND),
            history,
            metrics,
            share: Share::default(),
            next: AtomicU64::new(0),
            errands: Notify::new(),
        }
    }

    /// Whether anybody wants events.
    pub(crate) fn is_wanted(&self) -> bool {
        self.history.is_some() || self.watchers.receiver_count() > 0
    }

    /// Hands on what has happened, up to the event of this number.
    pub(crate) fn publish(&self, events: Vec<Event>, next: u64) {
        let Some(last) = events.last() else {
            return;
        };
        let lost = next.saturating_sub(last.number + 1);
        self.next.store(next, Ordering::Relaxed);
        let events: Events = events.into();
        if let Some(history) = &self.history {
            history.keep(&events);
            history.miss(lost);
        }
        // An error tells that nobody watches.
        let _ = self.watchers.send(events);
    }

    /// Begins to see what a new owner holds.
    pub(crate) fn see(&self, queues: &mut Queues) {
        // One number is left out: who watches notices, and counts anew.
        queues.number_events_from(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        if self.metrics.is_some() {
            queues.keep_tally();
        }
        self.wait_errands(queues);
    }

    /// Tells whoever runs errands of those that are stored.
    pub(crate) fn wait_errands(&self, queues: &Queues) {
        if queues.errands_len() > 0 {
            self.errands.notify_one();
        }
    }

    /// Returns when there may be errands.
    pub(crate) async fn errands(&self) {
        self.errands.notified().await;
    }

    /// Notes that so many records were stored in a time.
    pub(crate) fn committed(&self, took: Duration, records: usize) {
        if let Some(metrics) = &self.metrics {
            metrics.committed(took, records);
        }
    }

    /// Notes how many workers wait.
    pub(crate) fn waiting(&self, workers: usize) {
        if let Some(metrics) = &self.metrics {
            self.share.waiting(metrics, workers);
        }
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Events> {
        self.watchers.subscribe()
    }

    pub(crate) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }
}
