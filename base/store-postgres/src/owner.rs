use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use deadpool_postgres::Client;
use store::{Fence, Held, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::{reading, writing};

/// Milliseconds since the Unix epoch by the server's clock, also within a
/// transaction.
macro_rules! now_ms {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}

const NOW: &str = concat!("SELECT ", now_ms!());

/// Who owns the shard is settled on its row alone; then its fence is set, which
/// waits for commits under way, as they hold it.
const ACQUIRE: &str = concat!(
    "WITH taken AS (
         INSERT INTO cosmos.store_shard AS held (shard, epoch, owner, held_until_ms)
         VALUES ($1, 1, $2, ",
    now_ms!(),
    " + $3)
         ON CONFLICT (shard) DO UPDATE
         SET epoch = held.epoch + 1, owner = excluded.owner, held_until_ms = ",
    now_ms!(),
    " + $3
         WHERE held.owner IS NULL OR held.owner = excluded.owner OR held.held_until_ms <= ",
    now_ms!(),
    "
         RETURNING epoch
     ), fence AS (
         INSERT INTO cosmos.store_fence (shard, epoch) SELECT $1, epoch FROM taken
         ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch
     )
     SELECT epoch FROM taken"
);

const OWNER: &str = "SELECT coalesce(owner, '') FROM cosmos.store_shard WHERE shard = $1";

const RENEW: &str = concat!(
    "UPDATE cosmos.store_shard SET held_until_ms = ",
    now_ms!(),
    " + $3
     WHERE shard = $1 AND epoch = $2 AND owner IS NOT NULL"
);

const RELEASE: &str = "
    WITH gone AS (
        UPDATE cosmos.store_shard SET owner = NULL WHERE shard = $1 AND epoch = $2
        RETURNING shard
    )
    UPDATE cosmos.store_fence SET epoch = 0
    WHERE shard = $1 AND epoch = $2 AND EXISTS (SELECT FROM gone)";

const HELD: &str = concat!(
    "SELECT shard, owner, epoch, held_until_ms - now_ms FROM (
         SELECT *, ",
    now_ms!(),
    " AS now_ms FROM cosmos.store_shard
         WHERE owner IS NOT NULL AND starts_with(shard, $1)
     ) AS owned
     WHERE held_until_ms > now_ms ORDER BY shard"
);

/// The longest time a shard can be taken for: a century.
const MAX_TTL_MS: i64 = 100 * 366 * 24 * 3_600 * 1_000;

fn ms(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).map_or(MAX_TTL_MS, |ms| ms.min(MAX_TTL_MS))
}

pub(crate) async fn now(client: &Client) -> Result<Timestamp, StoreError> {
    let row = client.query_typed_one(NOW, &[]).await;
    row.and_then(|row| row.try_get(0))
        .map(Timestamp::from_unix_ms)
        .map_err(reading)
}

pub(crate) async fn acquire(
    client: &Client,
    shard: &str,
    owner: &str,
    ttl: Duration,
) -> Result<Fence, StoreError> {
    let parameters: [_; 3] = [
        (&shard as _, Type::TEXT),
        (&owner as _, Type::TEXT),
        (&ms(ttl) as _, Type::INT8),
    ];
    match client
        .query_typed_opt(ACQUIRE, &parameters)
        .await
        .map_err(writing)?
    {
        Some(row) => fence(shard, row.try_get(0).map_err(reading)?),
        None => Err(owned(client, shard).await),
    }
}

fn fence(shard: &str, epoch: i64) -> Result<Fence, StoreError> {
    match u64::try_from(epoch) {
        Ok(epoch) => Ok(Fence {
            shard: shard.into(),
            epoch,
        }),
        Err(_) => Err(StoreError::Corrupt(
            format!("epoch {epoch} of shard {shard}").into(),
        )),
    }
}

/// Why the shard could not be taken. The name may be a later owner's.
async fn owned(client: &Client, shard: &str) -> StoreError {
    let row = client.query_typed_opt(OWNER, &[(&shard, Type::TEXT)]).await;
    match row.and_then(|row| row.map_or(Ok(String::new()), |row| row.try_get(0))) {
        Ok(owner) => StoreError::Owned {
            shard: shard.into(),
            owner,
        },
        Err(error) => reading(error),
    }
}

pub(crate) async fn renew(client: &Client, fence: &Fence, ttl: Duration) -> Result<(), StoreError> {
    let parameters: [_; 3] = [
        (&&*fence.shard as _, Type::TEXT),
        (&epoch(fence)? as _, Type::INT8),
        (&ms(ttl) as _, Type::INT8),
    ];
    match client
        .execute_typed(RENEW, &parameters)
        .await
        .map_err(writing)?
    {
        0 => Err(stale(fence)),
        _ => Ok(()),
    }
}

pub(crate) async fn release(client: &Client, fence: &Fence) -> Result<(), StoreError> {
    let Ok(epoch) = epoch(fence) else {
        return Ok(());
    };
    let parameters: [_; 2] = [(&&*fence.shard as _, Type::TEXT), (&epoch as _, Type::INT8)];
    client
        .execute_typed(RELEASE, &parameters)
        .await
        .map_err(writing)?;
    Ok(())
}

pub(crate) async fn held(client: &Client, prefix: &str) -> Result<Vec<Held>, StoreError> {
    let rows = client.query_typed(HELD, &[(&prefix, Type::TEXT)]).await;
    rows.map_err(reading)?.iter().map(held_by).collect()
}

fn held_by(row: &Row) -> Result<Held, StoreError> {
    let shard: &str = row.try_get(0).map_err(reading)?;
    let left: i64 = row.try_get(3).map_err(reading)?;
    let Fence { shard, epoch } = fence(shard, row.try_get(2).map_err(reading)?)?;
    Ok(Held {
        shard,
        owner: row.try_get(1).map_err(reading)?,
        epoch,
        left: Duration::from_millis(u64::try_from(left).unwrap_or_default()),
    })
}

/// The fence's epoch as the database has it; one beyond its range was never given.
pub(crate) fn epoch(fence: &Fence) -> Result<i64, StoreError> {
    i64::try_from(fence.epoch).map_err(|_| stale(fence))
}

pub(crate) fn stale(fence: &Fence) -> StoreError {
    StoreError::Fenced {
        shard: Arc::clone(&fence.shard),
        held: fence.epoch,
    }
}
