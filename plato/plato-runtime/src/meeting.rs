//! Where the processes of a service meet: a shard of its own, owned for a moment
//! by whoever writes into it.
//!
//! | key         | value                              |
//! |-------------|------------------------------------|
//! | `n`         | number of groups, big-endian       |
//! | `p` process | when it was last heard of, and so on |

use std::time::Duration;

use bytes::Bytes;
use store::{Batch, Entry, KeyRange, StoreError};

use crate::keys;
use crate::records::process::Process;
use crate::share::Others;
use crate::shared::{Shared, backoff};

const GROUPS: &[u8] = b"n";
/// Processes of one service that are looked at.
const MAX_PROCESSES: usize = 1_000;
/// How long others wait for a process that was lost while it wrote.
const TTL: Duration = Duration::from_secs(5);

/// Records the number of groups at the first start; the recorded one.
pub(crate) async fn settle_groups(shared: &Shared) -> Result<u32, StoreError> {
    let shard = keys::meeting_shard(&shared.config.service);
    let mut failures = 0;
    loop {
        if let Some(groups) = shared.store.get(&shard, GROUPS).await? {
            return decode_groups(&groups);
        }
        match record_groups(shared).await {
            Err(StoreError::Owned { .. } | StoreError::Fenced { .. }) => {
                shared.sleep(backoff(failures)).await;
                failures += 1;
            }
            result => result?,
        }
    }
}

async fn record_groups(shared: &Shared) -> Result<(), StoreError> {
    let shard = keys::meeting_shard(&shared.config.service);
    let fence = shared.store.acquire(&shard, &shared.owner(), TTL).await?;
    // Another process may have been first, with another number.
    if shared.store.get(&shard, GROUPS).await?.is_none() {
        let mut batch = Batch::new();
        batch.put(GROUPS, encode_groups(shared.config.groups));
        shared.store.commit(&fence, batch).await?;
    }
    shared.store.release(&fence).await
}

fn encode_groups(groups: u32) -> Bytes {
    Bytes::copy_from_slice(&groups.to_be_bytes())
}

fn decode_groups(bytes: &[u8]) -> Result<u32, StoreError> {
    let groups = bytes.try_into().map(u32::from_be_bytes);
    groups.map_err(|_| StoreError::Corrupt("the number of groups cannot be read".into()))
}

/// Says what this process holds, and hears what the others do. `None` when
/// another process was writing.
pub(crate) async fn meet(shared: &Shared, held: u32) -> Result<Option<Others>, StoreError> {
    let now_ms = shared.store.now().await?.unix_ms();
    let entries = processes(shared).await?;
    let mine = Process {
        at_ms: now_ms,
        held,
    }
    .encode();
    let gone = gone(shared, &entries, now_ms)?;
    let mut batch = Batch::new();
    for key in gone {
        batch.delete(key);
    }
    batch.put(process_key(&shared.config.process), mine);
    match write(shared, batch).await {
        Err(StoreError::Owned { .. } | StoreError::Fenced { .. }) => return Ok(None),
        result => result?,
    }
    others(shared, &entries, now_ms).map(Some)
}

/// Takes this process out of the list.
pub(crate) async fn part(shared: &Shared) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.delete(process_key(&shared.config.process));
    write(shared, batch).await
}

fn process_key(process: &str) -> Bytes {
    [b"p", process.as_bytes()].concat().into()
}

async fn processes(shared: &Shared) -> Result<Vec<Entry>, StoreError> {
    let shard = keys::meeting_shard(&shared.config.service);
    shared
        .store
        .range(&shard, KeyRange::prefix(b"p"), MAX_PROCESSES)
        .await
}

/// How long a process that was last heard of then still counts, if it does.
fn is_heard_for(shared: &Shared, process: Process, now_ms: i64) -> Option<Duration> {
    let ttl = i64::try_from(shared.config.ttl.as_millis()).unwrap_or(i64::MAX);
    let left_ms = process.at_ms.saturating_add(ttl).saturating_sub(now_ms);
    let left_ms = u64::try_from(left_ms).ok().filter(|left| *left > 0);
    left_ms.map(Duration::from_millis)
}

fn gone(shared: &Shared, entries: &[Entry], now_ms: i64) -> Result<Vec<Bytes>, StoreError> {
    let mut gone = Vec::new();
    for entry in entries {
        if is_heard_for(shared, Process::decode(&entry.value)?, now_ms).is_none() {
            gone.push(entry.key.clone());
        }
    }
    Ok(gone)
}

fn others(shared: &Shared, entries: &[Entry], now_ms: i64) -> Result<Others, StoreError> {
    let mine = process_key(&shared.config.process);
    let mut others = Others::default();
    for entry in entries.iter().filter(|entry| entry.key != mine) {
        let process = Process::decode(&entry.value)?;
        if let Some(left) = is_heard_for(shared, process, now_ms) {
            others.processes += 1;
            others.silent_in = Some(others.silent_in.map_or(left, |least| least.min(left)));
            others.held = others.held.saturating_add(process.held);
        }
    }
    Ok(others)
}

async fn write(shared: &Shared, batch: Batch) -> Result<(), StoreError> {
    let shard = keys::meeting_shard(&shared.config.service);
    let fence = shared.store.acquire(&shard, &shared.owner(), TTL).await?;
    let written = shared.store.commit(&fence, batch).await;
    shared.store.release(&fence).await?;
    written
}
