use std::collections::HashMap;
use std::ops::Bound;

use bytes::Bytes;
use deadpool_postgres::ClientWrapper;
use store::{Entry, KeyRange, Record, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::prepared;
use crate::error::reading;

const GET: &str = "SELECT value FROM cosmos.store_record WHERE shard = $1 AND key = $2";

pub(crate) async fn get(
    client: &ClientWrapper,
    shard: &str,
    key: &[u8],
) -> Result<Option<Bytes>, StoreError> {
    let statement = prepared(client, GET, &[Type::TEXT, Type::BYTEA]).await?;
    let row = client
        .query_opt(&statement, &[&shard, &key])
        .await
        .map_err(reading)?;
    row.map(|row| bytes(&row, 0)).transpose()
}

const GET_ALL: &str =
    "SELECT key, value FROM cosmos.store_record WHERE shard = $1 AND key = ANY($2)";

pub(crate) async fn get_all(
    client: &ClientWrapper,
    shard: &str,
    keys: &[Bytes],
) -> Result<Vec<Option<Bytes>>, StoreError> {
    let statement = prepared(client, GET_ALL, &[Type::TEXT, Type::BYTEA_ARRAY]).await?;
    let wanted: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let rows = client
        .query(&statement, &[&shard, &wanted])
        .await
        .map_err(reading)?;
    let found = rows.iter().map(|row| Ok((bytes(row, 0)?, bytes(row, 1)?)));
    let found: HashMap<_, _> = found.collect::<Result<_, StoreError>>()?;
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
}

pub(crate) async fn range(
    client: &ClientWrapper,
    shard: &str,
    range: &KeyRange,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    if range.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (start, end) = (start(range), range.end.as_deref());
    let types = [Type::TEXT, Type::BYTEA, Type::INT8, Type::BYTEA];
    let parameters: [&(dyn ToSql + Sync); 4] = [&shard, &start, &limit, &end];
    let used = if end.is_some() { 4 } else { 3 };
    let statement = prepared(client, select(range), &types[..used]).await?;
    let rows = client
        .query(&statement, &parameters[..used])
        .await
        .map_err(reading)?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                key: bytes(row, 0)?,
                value: bytes(row, 1)?,
            })
        })
        .collect()
}

const RECORDS: &str = "SELECT shard, key, value FROM cosmos.store_record \
     WHERE (shard, key) > ($1, $2) ORDER BY shard, key LIMIT $3";

/// The records behind one, of whatever shard.
pub(crate) async fn records(
    client: &ClientWrapper,
    shard: &str,
    key: &[u8],
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = prepared(client, RECORDS, &[Type::TEXT, Type::BYTEA, Type::INT8]).await?;
    let rows = client
        .query(&statement, &[&shard, &key, &limit])
        .await
        .map_err(reading)?;
    rows.iter().map(record).collect()
}

fn record(row: &Row) -> Result<Record, StoreError> {
    let shard: &str = row.try_get(0).map_err(reading)?;
    Ok(Record {
        shard: shard.into(),
        entry: Entry {
            key: bytes(row, 1)?,
            value: bytes(row, 2)?,
        },
    })
}

fn start(range: &KeyRange) -> &[u8] {
    match &range.start {
        Bound::Included(start) | Bound::Excluded(start) => start,
        Bound::Unbounded => &[],
    }
}

macro_rules! select {
    ($($condition:literal)*) => {
        concat!(
            "SELECT key, value FROM cosmos.store_record WHERE shard = $1",
            $(" AND ", $condition,)*
            " ORDER BY key LIMIT $3"
        )
    };
}

/// A text for each kind of range, because a plan that serves all of them could
/// not use the end to stop.
fn select(range: &KeyRange) -> &'static str {
    match (&range.start, &range.end) {
        (Bound::Excluded(_), Some(_)) => select!("key > $2" "key < $4"),
        (Bound::Excluded(_), None) => select!("key > $2"),
        (_, Some(_)) => select!("key >= $2" "key < $4"),
        (_, None) => select!("key >= $2"),
    }
}

fn bytes(row: &Row, column: usize) -> Result<Bytes, StoreError> {
    let value: &[u8] = row.try_get(column).map_err(reading)?;
    Ok(Bytes::copy_from_slice(value))
}
