use std::ops::Bound;

use bytes::Bytes;
use store::{Entry, KeyRange, StoreError};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::reading;

const GET: &str = "SELECT value FROM cosmos.store_record WHERE shard = $1 AND key = $2";

pub(crate) async fn get(
    client: &Client,
    shard: &str,
    key: &[u8],
) -> Result<Option<Bytes>, StoreError> {
    let parameters: [_; 2] = [(&shard as _, Type::TEXT), (&key as _, Type::BYTEA)];
    let row = client
        .query_typed_opt(GET, &parameters)
        .await
        .map_err(reading)?;
    row.map(|row| bytes(&row, 0)).transpose()
}

pub(crate) async fn range(
    client: &Client,
    shard: &str,
    range: &KeyRange,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    if range.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters: [_; 4] = [
        (&shard as _, Type::TEXT),
        (&start(range) as _, Type::BYTEA),
        (&range.end.as_deref() as _, Type::BYTEA),
        (&limit as _, Type::INT8),
    ];
    let rows = client
        .query_typed(&select(range), &parameters)
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

fn start(range: &KeyRange) -> &[u8] {
    match &range.start {
        Bound::Included(start) | Bound::Excluded(start) => start,
        Bound::Unbounded => &[],
    }
}

/// A missing end is told by a null, which the planner removes.
fn select(range: &KeyRange) -> String {
    let after = match range.start {
        Bound::Excluded(_) => ">",
        _ => ">=",
    };
    format!(
        "SELECT key, value FROM cosmos.store_record
         WHERE shard = $1 AND key {after} $2 AND ($3::bytea IS NULL OR key < $3)
         ORDER BY key LIMIT $4"
    )
}

fn bytes(row: &Row, column: usize) -> Result<Bytes, StoreError> {
    let value: &[u8] = row.try_get(column).map_err(reading)?;
    Ok(Bytes::copy_from_slice(value))
}
