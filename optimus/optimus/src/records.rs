//! Reading what is remembered.

use std::ops::Bound;
use std::sync::Arc;

use buffa::Message;
use bytes::Bytes;
use clock::Timestamp;
use proto::timestone::v1::NewMessage;
use store::{Entry, KeyRange, Snapshot, StoreError};

use crate::keys;
use crate::record::{Meta, Record};

/// Entries read at a time.
const PAGE: usize = 1_000;

/// The request of this id, if there is one.
pub(crate) async fn record(
    snapshot: &dyn Snapshot,
    id: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    let Some(meta) = snapshot.get(&keys::meta(id)).await? else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Record {
        id: id.into(),
        meta: Meta::decode(&meta).map_err(|error| damaged(&keys::meta(id), error))?,
        request: snapshot.get(&keys::request(id)).await?.unwrap_or_default(),
        event: snapshot.get(&keys::event(id)).await?.unwrap_or_default(),
        answer: snapshot.get(&keys::answer(id)).await?.unwrap_or_default(),
    })))
}

/// The request, ended or not, of this idempotency key (hashed).
pub(crate) async fn record_of_key(
    snapshot: &dyn Snapshot,
    key: &str,
) -> Result<Option<Arc<Record>>, StoreError> {
    match snapshot.get(&keys::idempotency(key)).await? {
        Some(id) => record(snapshot, text(&id)?).await,
        None => Ok(None),
    }
}

/// The requests that are under way.
pub(crate) async fn active(snapshot: &dyn Snapshot) -> Result<Vec<Arc<Record>>, StoreError> {
    let mut records = Vec::new();
    for entry in all(snapshot, keys::ACTIVE).await? {
        let id = keys::active_id_of(&entry.key).ok_or_else(|| misplaced(&entry.key))?;
        let record = record(snapshot, id).await?;
        records.push(record.ok_or_else(|| misplaced(&entry.key))?);
    }
    Ok(records)
}

/// The messages still to be sent, by number.
pub(crate) async fn messages(
    snapshot: &dyn Snapshot,
) -> Result<Vec<(u64, NewMessage)>, StoreError> {
    let entries = all(snapshot, keys::OUTBOX).await?;
    entries.iter().map(message).collect()
}

fn message(entry: &Entry) -> Result<(u64, NewMessage), StoreError> {
    let number = keys::outbox_number_of(&entry.key).ok_or_else(|| misplaced(&entry.key))?;
    let message = NewMessage::decode_from_slice(&entry.value);
    Ok((number, message.map_err(|error| damaged(&entry.key, error))?))
}

/// The calls that were canceled before they came, and when.
pub(crate) async fn canceled(
    snapshot: &dyn Snapshot,
) -> Result<Vec<(Timestamp, String)>, StoreError> {
    let entries = all(snapshot, keys::CANCELED).await?;
    entries.iter().map(tombstone).collect()
}

fn tombstone(entry: &Entry) -> Result<(Timestamp, String), StoreError> {
    let hash = keys::canceled_hash_of(&entry.key);
    let at = <[u8; 8]>::try_from(&*entry.value).map(i64::from_be_bytes);
    match (hash, at) {
        (Some(hash), Ok(at)) => Ok((Timestamp::from_unix_ms(at), hash.to_owned())),
        _ => Err(damaged(&entry.key, "it is no time of a cancellation")),
    }
}

/// The position after that of the newest request.
pub(crate) async fn next_ordinal(snapshot: &dyn Snapshot) -> Result<u64, StoreError> {
    let newest = snapshot.range(KeyRange::prefix(keys::LISTING), 1).await?;
    let newest = newest.first().map(|entry| &entry.key);
    newest.map_or(Ok(0), |key| {
        keys::ordinal_of(key).map_or_else(|| Err(misplaced(key)), |ordinal| Ok(ordinal + 1))
    })
}

/// Up to `limit` ids with their positions, from the newest request older than
/// position `before`, or from the newest of all.
pub(crate) async fn listing(
    snapshot: &dyn Snapshot,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, String)>, StoreError> {
    let mut range = KeyRange::prefix(keys::LISTING);
    if let Some(before) = before {
        range.start = Bound::Excluded(keys::listing(before));
    }
    snapshot
        .range(range, limit)
        .await?
        .iter()
        .map(listed)
        .collect()
}

fn listed(entry: &Entry) -> Result<(u64, String), StoreError> {
    let ordinal = keys::ordinal_of(&entry.key).ok_or_else(|| misplaced(&entry.key))?;
    Ok((ordinal, text(&entry.value)?.to_owned()))
}

async fn all(snapshot: &dyn Snapshot, prefix: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut range = KeyRange::prefix(prefix);
    loop {
        let page = snapshot.range(range.clone(), PAGE).await?;
        let last = page.last().map(|entry| entry.key.clone());
        let is_last = page.len() < PAGE;
        entries.extend(page);
        match last {
            Some(key) if !is_last => range = range.after(key),
            _ => return Ok(entries),
        }
    }
}

fn text(bytes: &Bytes) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|error| damaged(bytes, error))
}

fn damaged(key: &[u8], problem: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{}: {problem}", key.escape_ascii()).into())
}

fn misplaced(key: &[u8]) -> StoreError {
    damaged(key, "it is malformed or names a request that is not there")
}
