//! Reading one version of an object: plan and cache put to work.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use sources::{Fault, Pinned, Remote};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::ahead::ReadAhead;
use crate::cache::{Cache, Found};
use crate::limits::{BLOCK, LEAST_MEMORY, REQUEST, REQUESTS};

/// Reads any part of an object, any number at the same time. Dropping it ends its requests.
pub struct Reader {
    shared: Arc<Shared>,
    runtime: Handle,
    requests: Mutex<JoinSet<()>>,
}

struct Shared {
    remote: Remote,
    pinned: Pinned,
    state: Mutex<State>,
    /// A block has come, or will not.
    changed: Notify,
    /// For what is not waited for yet.
    lanes: Semaphore,
}

struct State {
    ahead: ReadAhead,
    cache: Cache,
    failure: Option<Fault>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.shared.pinned).finish()
    }
}

impl Reader {
    /// Keeps at most `memory` bytes of blocks. Belongs to the runtime that it is made in.
    #[must_use]
    pub fn new(remote: Remote, pinned: Pinned, memory: u64) -> Self {
        let memory = memory.max(LEAST_MEMORY);
        let blocks = usize::try_from(memory / BLOCK).unwrap_or(usize::MAX);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    ahead: ReadAhead::new(pinned.size(), memory / 2),
                    cache: Cache::new(blocks),
                    failure: None,
                }),
                remote,
                pinned,
                changed: Notify::new(),
                lanes: Semaphore::new(REQUESTS),
            }),
            runtime: Handle::current(),
            requests: Mutex::default(),
        }
    }

    /// Of the whole object, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.pinned.size()
    }

    /// Why reads fail, once they do. It does not pass.
    #[must_use]
    pub fn failure(&self) -> Option<Fault> {
        self.shared.state().failure.clone()
    }

    /// Whether the server still has this version; what it does not say is no objection.
    ///
    /// # Errors
    /// Why reads failed, or that it has another version, or none. That does not pass.
    pub async fn check(&self) -> Result<(), Fault> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        match self.shared.remote.check(&self.shared.pinned).await {
            Err(fault @ (Fault::Changed(_) | Fault::Missing)) => {
                let mut state = self.shared.state();
                Err(state.failure.get_or_insert(fault).clone())
            }
            _ => Ok(()),
        }
    }

    /// The most blocks that were kept or on their way at a time, of [`BLOCK`] bytes each.
    #[must_use]
    pub fn most_blocks(&self) -> usize {
        self.shared.state().cache.peak()
    }

    /// The bytes of a part, fewer only at the end of the object.
    ///
    /// # Errors
    /// When the object has changed, or its server cannot be reached any more.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, Fault> {
        let range = self.begin(range);
        let mut parts = Vec::new();
        for block in blocks(&range) {
            parts.push(self.wait_for(block).await?);
        }
        Ok(joined(&range, &parts))
    }

    /// The same, if all of it is here.
    pub(crate) fn read_at_once(&self, range: Range<u64>) -> Option<Bytes> {
        let range = self.begin(range);
        let mut state = self.shared.state();
        let parts = blocks(&range).map(|block| match state.cache.find(block) {
            Found::Here(bytes) => Some(bytes),
            Found::Coming | Found::Absent => None,
        });
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(joined(&range, &parts))
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Asks for what is lacking of a part, and for what will be read next.
    fn begin(&self, range: Range<u64>) -> Range<u64> {
        let range = range.start.min(self.size())..range.end.min(self.size());
        if range.is_empty() {
            return range.start..range.start;
        }
        let (now, soon) = {
            let mut state = self.shared.state();
            if state.failure.is_some() {
                return range;
            }
            let now = state.cache.claim(blocks(&range));
            let soon = state.ahead.read(range.clone());
            (now, state.cache.claim(whole_blocks(&soon, self.size())))
        };
        now.into_iter().for_each(|run| self.fetch(run, false));
        soon.into_iter()
            .flat_map(in_requests)
            .for_each(|run| self.fetch(run, true));
        range
    }

    async fn wait_for(&self, block: u64) -> Result<Bytes, Fault> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Whatever happens after the look is noticed.
            changed.as_mut().enable();
            let absent = {
                let mut state = self.shared.state();
                match (state.cache.find(block), &state.failure) {
                    (Found::Here(bytes), _) => return Ok(bytes),
                    (Found::Absent, Some(failure)) => return Err(failure.clone()),
                    (Found::Absent, None) => state.cache.claim(block..block + 1),
                    (Found::Coming, _) => Vec::new(),
                }
            };
            absent.into_iter().for_each(|run| self.fetch(run, false));
            changed.await;
        }
    }

    fn fetch(&self, run: Range<u64>, ahead: bool) {
        let shared = self.shared.clone();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        while requests.try_join_next().is_some() {}
        requests.spawn_on(async move { shared.fetch(run, ahead).await }, &self.runtime);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, run: Range<u64>, ahead: bool) {
        let _lane = match ahead {
            true => self.lanes.acquire().await.ok(),
            false => None,
        };
        let range = run.start * BLOCK..(run.end * BLOCK).min(self.pinned.size());
        let mut blocks = Blocks::from(run.start, range.end - range.start);
        let read = self.remote.read(&self.pinned, range, |bytes| {
            blocks.take(bytes, |block, bytes| {
                self.state().cache.fill(block, bytes);
                self.changed.notify_waiters();
            });
        });
        if let Err(fault) = read.await {
            tracing::warn!(source = self.pinned.object().uri(), %fault, "a source cannot be read any more");
            let mut state = self.state();
            state.cache.give_up(run);
            state.failure.get_or_insert(fault);
            drop(state);
            self.changed.notify_waiters();
        }
    }
}

/// Bytes as they come, put together to blocks.
struct Blocks {
    block: u64,
    left: u64,
    buffer: BytesMut,
}

impl Blocks {
    fn from(block: u64, length: u64) -> Self {
        Self {
            block,
            left: length,
            buffer: BytesMut::new(),
        }
    }

    fn take(&mut self, mut bytes: Bytes, mut each: impl FnMut(u64, Bytes)) {
        while !bytes.is_empty() {
            let whole = self.left.min(BLOCK) as usize;
            self.buffer.reserve(whole - self.buffer.len());
            let part = bytes.split_to(bytes.len().min(whole - self.buffer.len()));
            self.buffer.extend_from_slice(&part);
            if self.buffer.len() == whole {
                each(self.block, std::mem::take(&mut self.buffer).freeze());
                (self.block, self.left) = (self.block + 1, self.left - whole as u64);
            }
        }
    }
}

fn blocks(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK..range.end.div_ceil(BLOCK)
}

/// Ahead of time a block is asked for when all of it is wanted, or the object ends in it.
fn whole_blocks(range: &Range<u64>, size: u64) -> Range<u64> {
    let end = match range.end == size {
        true => size.div_ceil(BLOCK),
        false => range.end / BLOCK,
    };
    let start = range.start / BLOCK;
    start..end.max(start)
}

fn in_requests(run: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    const MOST: u64 = REQUEST / BLOCK;
    let starts = run.clone().step_by(MOST as usize);
    starts.map(move |start| start..run.end.min(start + MOST))
}

fn joined(range: &Range<u64>, parts: &[Bytes]) -> Bytes {
    let first = blocks(range).start * BLOCK;
    let (from, to) = ((range.start - first) as usize, (range.end - first) as usize);
    match parts {
        [only] => only.slice(from..to),
        parts => {
            let mut all = BytesMut::with_capacity(parts.len() * BLOCK as usize);
            parts.iter().for_each(|part| all.extend_from_slice(part));
            all.freeze().slice(from..to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_blocks_however_they_come() {
        let length = 2 * BLOCK + 5;
        for step in [1_000, BLOCK as usize, 3 * BLOCK as usize] {
            let (mut blocks, mut made) = (Blocks::from(7, length), Vec::new());
            let mut rest = Bytes::from(vec![1; length as usize]);
            while !rest.is_empty() {
                let part = rest.split_to(step.min(rest.len()));
                blocks.take(part, |block, bytes| made.push((block, bytes.len() as u64)));
            }
            assert_eq!(made, [(7, BLOCK), (8, BLOCK), (9, 5)]);
        }
    }

    #[test]
    fn parts_of_blocks_are_joined() {
        let parts = [
            Bytes::from(vec![1; BLOCK as usize]),
            Bytes::from_static(&[2, 3, 4]),
        ];
        let range = 3 * BLOCK - 2..3 * BLOCK + 2;
        assert_eq!(joined(&range, &parts), [1, 1, 2, 3].as_slice());
        let within = 3 * BLOCK + 1..3 * BLOCK + 3;
        assert_eq!(joined(&within, &parts[1..]), [3, 4].as_slice());
        assert!(joined(&(0..0), &[]).is_empty());
    }

    #[test]
    fn what_is_read_ahead_is_split_into_requests() {
        let most = REQUEST / BLOCK;
        let runs: Vec<_> = in_requests(1..2 * most + 3).collect();
        assert_eq!(
            runs,
            [
                1..1 + most,
                1 + most..1 + 2 * most,
                1 + 2 * most..2 * most + 3
            ]
        );
    }
}
