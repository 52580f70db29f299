use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clock::SharedClock;
use store::{Batch, Fence, KeyRange, StoreError};
use timestone::Event;
use tokio::sync::mpsc;

use super::page;
use super::segment::{Index, SIZE, Segment, SegmentId};
use super::{HistoryOptions, Note};
use crate::seen::feed::Events;

/// How long events are gathered, and how long after a failure it is tried again.
const GATHER: Duration = Duration::from_secs(1);
/// Events gathered that are written without waiting longer.
const ENOUGH: usize = 8_192;
/// How often old pages are looked for while nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// Events of one page.
const PAGE: usize = 512;
/// Events of one segment, so that no commit takes long.
const SEGMENT: usize = 8 * PAGE;
/// Segments looked at for their age at once.
const OLD: usize = 4;
/// How often that is done after each write: more goes than comes.
const ROUNDS: usize = 4;
/// How long a segment may span: milliseconds.
pub(super) const SPAN_MS: i64 = 10_000;
/// After this much silence another process may write the history.
const TTL: Duration = Duration::from_secs(10);

/// What a segment takes of what is gathered.
struct Taking {
    id: SegmentId,
    batches: Vec<Events>,
    /// Events of the first batch that are written already.
    skip: usize,
    events: usize,
    /// Bytes of all pages so far.
    size: u64,
}

impl Taking {
    /// What is to be stored, and how many bytes all pages have then.
    fn write(&self) -> (Batch, u64) {
        let events = self.batches.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = events.skip(self.skip).take(self.events).collect();
        let (mut batch, mut index) = (Batch::new(), Index::default());
        let (mut pages, mut bytes) = (0_u8, 0);
        for events in events.chunks(PAGE) {
            events.iter().for_each(|event| index.add(event, pages));
            let page = page::encode(events);
            bytes += page.len() as u64;
            batch.put(self.id.page_key(pages), page);
            pages += 1;
        }
        for (key, record) in index.records(self.id) {
            batch.put(key, record);
        }
        let segment = Segment::new(bytes, pages, &index);
        batch.put(self.id.key(), segment.encode());
        let size = self.size + bytes;
        batch.put(SIZE, Bytes::copy_from_slice(&size.to_be_bytes()));
        (batch, size)
    }
}

/// The task that writes the history down.
pub(super) struct Writer {
    options: HistoryOptions,
    clock: SharedClock,
    shard: String,
    owner: String,
    waiting: Arc<AtomicUsize>,
    missed: Arc<AtomicU64>,
    fence: Option<Fence>,
    gathered: VecDeque<Events>,
    /// Events of the first that are written.
    written: usize,
    /// How many events are not.
    count: usize,
    /// As the clock has run.
    due: Duration,
    /// Bytes of all pages.
    size: u64,
    last: SegmentId,
    /// There are no segments before this one.
    oldest: Bytes,
    troubled: bool,
}

impl Writer {
    pub(super) fn new(
        options: HistoryOptions,
        clock: SharedClock,
        (shard, owner): (String, String),
        (waiting, missed): (Arc<AtomicUsize>, Arc<AtomicU64>),
    ) -> Self {
        Self {
            due: clock.elapsed() + IDLE,
            options,
            clock,
            shard,
            owner,
            waiting,
            missed,
            fence: None,
            gathered: VecDeque::new(),
            written: 0,
            count: 0,
            size: 0,
            last: SegmentId {
                at: 0,
                epoch: 0,
                number: 0,
            },
            oldest: Bytes::from_static(b"g"),
            troubled: false,
        }
    }

    pub(super) async fn run(mut self, mut notes: mpsc::Receiver<Note>) {
        loop {
            let clock = Arc::clone(&self.clock);
            let note = tokio::select! {
                note = notes.recv() => note,
                () = clock.sleep_until_elapsed(self.due) => {
                    self.write().await;
                    continue;
                }
            };
            match note {
                Some(Note::Events(events)) => self.gather(events).await,
                Some(Note::Flush(done)) => {
                    self.write().await;
                    // Nobody waits any more.
                    let _ = done.send(());
                }
                Some(Note::End) | None => return self.end().await,
            }
        }
    }

    async fn gather(&mut self, events: Events) {
        if self.gathered.is_empty() {
            self.due = self.clock.elapsed() + GATHER;
        }
        self.count += events.len();
        self.gathered.push_back(events);
        if self.count >= ENOUGH && !self.troubled {
            self.write().await;
        }
    }

    /// Writes what was gathered and lets go of what is old.
    async fn write(&mut self) {
        self.due = self.clock.elapsed() + IDLE;
        if let Err(why) = self.try_write().await {
            self.complain(&why);
            return;
        }
        self.troubled = false;
        match self.expire().await {
            Ok(true) => {}
            Ok(false) => self.due = self.clock.elapsed() + GATHER,
            Err(why) => self.complain(&why),
        }
    }

    /// What may be written later is kept; other events are lost.
    fn complain(&mut self, why: &StoreError) {
        if !self.troubled {
            tracing::warn!(shard = self.shard, %why, "the history of the queues cannot be written");
        }
        self.troubled = true;
        self.due = self.clock.elapsed() + GATHER;
        // Whether it was written after all is found out by owning the history anew.
        if !matches!(why, StoreError::Unavailable { .. }) {
            self.fence = None;
        }
        let passes = matches!(why, StoreError::Fenced { .. } | StoreError::Owned { .. });
        if !passes && !why.is_retryable() {
            self.missed.fetch_add(self.count as u64, Ordering::Relaxed);
            self.take_gathered();
        }
    }

    fn take_gathered(&mut self) {
        self.waiting.fetch_sub(self.count, Ordering::Relaxed);
        (self.count, self.written) = (0, 0);
        self.gathered.clear();
    }

    async fn try_write(&mut self) -> Result<(), StoreError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let fence = self.fence().await?;
        while let Some(taking) = self.next(&fence) {
            let taken = taking.events;
            // Work enough to keep calls of the queue waiting.
            let written = tokio::task::spawn_blocking(move || taking.write());
            let (batch, size) = written.await.map_err(|_| cut_off())?;
            self.options.store.commit(&fence, batch).await?;
            self.size = size;
            self.drop_first(taken);
        }
        Ok(())
    }

    /// The first gathered events, neither too many nor from too far apart.
    fn next(&mut self, fence: &Fence) -> Option<Taking> {
        let first = self.first()?.at;
        let id = self.next_id(first.max(self.last.at), fence);
        let (mut batches, mut events) = (Vec::new(), 0);
        let mut skip = self.written;
        for batch in &self.gathered {
            let near = batch[skip..].iter().take(SEGMENT - events);
            let near = near.take_while(|event| event.at - first < SPAN_MS).count();
            batches.push(Arc::clone(batch));
            events += near;
            if skip + near < batch.len() {
                break;
            }
            skip = 0;
        }
        Some(Taking {
            id,
            batches,
            skip: self.written,
            events,
            size: self.size,
        })
    }

    fn first(&self) -> Option<&Event> {
        self.gathered.front()?.get(self.written)
    }

    fn next_id(&mut self, at: i64, fence: &Fence) -> SegmentId {
        self.last = SegmentId {
            at,
            epoch: fence.epoch as u32,
            number: self.last.number.wrapping_add(1),
        };
        self.last
    }

    fn drop_first(&mut self, events: usize) {
        self.written += events;
        while let Some(first) = self.gathered.front().map(|batch| batch.len())
            && first <= self.written
        {
            self.written -= first;
            self.gathered.pop_front();
        }
        self.count -= events;
        self.waiting.fetch_sub(events, Ordering::Relaxed);
    }

    /// Lets go of segments that are too old or too many; whether that was all.
    async fn expire(&mut self) -> Result<bool, StoreError> {
        let Some(fence) = self.fence.clone() else {
            return Ok(true);
        };
        for _ in 0..ROUNDS {
            if self.expire_some(&fence).await? < OLD {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many segments went.
    async fn expire_some(&mut self, fence: &Fence) -> Result<usize, StoreError> {
        let range = KeyRange {
            start: std::ops::Bound::Included(self.oldest.clone()),
            ..KeyRange::prefix(b"g")
        };
        let store = Arc::clone(&self.options.store);
        let segments = store.range(&self.shard, range, OLD).await?;
        let keep = i64::try_from(self.options.keep.as_millis()).unwrap_or(i64::MAX);
        let limit = self.clock.now().unix_ms().saturating_sub(keep);
        let (mut batch, mut gone, mut size) = (Batch::new(), 0, self.size);
        for entry in segments {
            let id = SegmentId::of_key(&entry.key);
            let is_old = id.is_none_or(|id| id.at < limit);
            if !is_old && size <= self.options.max_bytes {
                break;
            }
            if let Some((id, segment)) = id.zip(Segment::decode(&entry.value)) {
                size = size.saturating_sub(segment.bytes);
                for key in segment.keys(id) {
                    batch.delete(key);
                }
            }
            self.oldest = entry.key.clone();
            batch.delete(entry.key);
            gone += 1;
        }
        if gone > 0 {
            batch.put(SIZE, Bytes::copy_from_slice(&size.to_be_bytes()));
            store.commit(fence, batch).await?;
            self.size = size;
        }
        Ok(gone)
    }

    /// Owns the history.
    async fn fence(&mut self) -> Result<Fence, StoreError> {
        if let Some(fence) = &self.fence {
            return Ok(fence.clone());
        }
        let store = &self.options.store;
        let fence = store.acquire(&self.shard, &self.owner, TTL).await?;
        let size = store.get(&self.shard, &SIZE).await?;
        let size = size.and_then(|size| size[..].try_into().ok());
        self.size = size.map_or(0, u64::from_be_bytes);
        self.oldest = Bytes::from_static(b"g");
        self.fence = Some(fence.clone());
        Ok(fence)
    }

    async fn end(mut self) {
        self.write().await;
        if let Some(fence) = &self.fence {
            // It is free a little later.
            let _ = self.options.store.release(fence).await;
        }
    }
}

fn cut_off() -> StoreError {
    StoreError::Unavailable("writing a page of it was cut off".into())
}
