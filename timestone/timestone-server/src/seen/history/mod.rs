//! What happened, kept for some days in a shard of a store of its own choosing.
//!
//! | key                                     | value                                          |
//! |-----------------------------------------|------------------------------------------------|
//! | `g` segment: time (8 bytes), number (8) | its bytes, its pages, the buckets of its index |
//! | `b` segment, page (1)                   | a page of events, in their order               |
//! | `i` bucket (1) segment                  | which messages of the bucket are on which page |
//! | `s`                                     | how many bytes all pages have                  |
//!
//! A task of its own gathers events and writes them some thousands at a time, so that
//! the owner of the queues neither waits nor syncs for them. It is best effort: what
//! comes faster than it can be written is left out, and counted.

mod page;
mod reading;
mod segment;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use clock::SharedClock;
use store::Store;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::feed::Events;
use writer::Writer;

/// Events that may wait to be written; more are left out.
const MAX_WAITING: usize = 262_144;
/// Batches of events that may wait.
const MAX_BATCHES: usize = 16_384;

/// Where history is kept, and how much of it.
#[derive(Clone, Debug)]
pub struct HistoryOptions {
    pub store: Arc<dyn Store>,
    /// How long.
    pub keep: Duration,
    /// How many bytes of events, before what the store adds; the oldest go first.
    pub max_bytes: u64,
}

/// What the task that writes is told.
enum Note {
    Events(Events),
    /// Write all that came before, and say so.
    Flush(oneshot::Sender<()>),
    End,
}

/// A hand on the history.
pub(crate) struct History {
    store: Arc<dyn Store>,
    shard: String,
    notes: mpsc::Sender<Note>,
    waiting: Arc<AtomicUsize>,
    missed: Arc<AtomicU64>,
    writer: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl History {
    /// Keeps what happens in the queues of `shard`, on the current runtime, until this
    /// is dropped.
    pub(crate) fn start(
        options: HistoryOptions,
        clock: SharedClock,
        shard: &str,
        owner: &str,
    ) -> Self {
        let (notes, incoming) = mpsc::channel(MAX_BATCHES);
        let (waiting, missed) = <(Arc<AtomicUsize>, Arc<AtomicU64>)>::default();
        let shard = format!("{shard}/history");
        let store = Arc::clone(&options.store);
        let writer = Writer::new(
            options,
            clock,
            (shard.clone(), owner.to_owned()),
            (Arc::clone(&waiting), Arc::clone(&missed)),
        );
        Self {
            store,
            shard,
            notes,
            waiting,
            missed,
            writer: tokio::sync::Mutex::new(Some(tokio::spawn(writer.run(incoming)))),
        }
    }

    /// Takes events, if there is room for them.
    pub(crate) fn keep(&self, events: &Events) {
        let len = events.len();
        let waiting = self.waiting.fetch_add(len, Ordering::Relaxed);
        let kept = waiting + len <= MAX_WAITING
            && self
                .notes
                .try_send(Note::Events(Arc::clone(events)))
                .is_ok();
        if !kept {
            self.waiting.fetch_sub(len, Ordering::Relaxed);
            self.miss(len as u64);
        }
    }

    /// Notes that so many events were left out.
    pub(crate) fn miss(&self, events: u64) {
        self.missed.fetch_add(events, Ordering::Relaxed);
    }

    /// How many events were left out since the start.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Waits until all that came before is written.
    async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.notes.send(Note::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }

    /// Writes what there is, and ends.
    pub(crate) async fn shutdown(&self) {
        if let Some(writer) = self.writer.lock().await.take()
            && self.notes.send(Note::End).await.is_ok()
        {
            // One that panicked has nothing left to write.
            let _ = writer.await;
        }
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History")
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}

/// An event of a message, for tests.
#[cfg(test)]
fn event(id: &str, number: u64) -> timestone::Event {
    timestone::Event {
        number,
        at: 0,
        queue: "q".into(),
        id: id.into(),
        version: 1,
        happening: timestone::Happening::Enqueued,
        from: None,
        to: None,
        priority: 0,
        deliveries: 0,
        attempts_left: 1,
        owner: None,
        until: None,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use clock::{ManualClock, Timestamp};
    use store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn more_than_can_wait_is_left_out_and_counted() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(0)));
        let options = HistoryOptions {
            store: Arc::new(MemoryStore::new(clock.clone())),
            keep: Duration::from_secs(1),
            max_bytes: 1 << 20,
        };
        let history = History::start(options, clock, "s", "test");
        let events: Events = (0..MAX_WAITING as u64 / 2).map(|n| event("m", n)).collect();
        // Its task does not run before this one waits.
        (0..3).for_each(|_| history.keep(&events));
        assert_eq!(history.missed(), MAX_WAITING as u64 / 2);
        history.keep(&events[..0].into());
        assert_eq!(history.missed(), MAX_WAITING as u64 / 2);
    }
}
