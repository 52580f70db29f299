use deadpool_postgres::Client;
use store::StoreError;

use crate::error::{reading, writing};

/// Each step leads from the version of its index to the next. Steps are only
/// ever added.
const STEPS: &[&str] = &[
    "
    CREATE TABLE cosmos.store_shard (
        shard text COLLATE \"C\" PRIMARY KEY,
        epoch bigint NOT NULL,
        owner text,            -- null: released
        until_ms bigint NOT NULL
    );
    CREATE TABLE cosmos.store_record (
        shard text COLLATE \"C\" NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (shard, key)
    ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
",
    // What each commit looks at, apart from what each renewal changes: while somebody holds an
    // old snapshot every version of a row stays and is looked at. Who knows the first step only
    // can neither acquire nor renew any more, and is fenced off by whoever acquires.
    "
    CREATE TABLE cosmos.store_fence (
        shard text COLLATE \"C\" PRIMARY KEY,
        epoch bigint NOT NULL  -- 0: nobody's
    );
    INSERT INTO cosmos.store_fence
    SELECT shard, CASE WHEN owner IS NULL THEN 0 ELSE epoch END FROM cosmos.store_shard;
    ALTER TABLE cosmos.store_shard RENAME COLUMN until_ms TO held_until_ms;
",
];

/// One starter migrates at a time; the number is this store's own.
const BEGIN: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(7219481516);
    CREATE SCHEMA IF NOT EXISTS cosmos;
    CREATE TABLE IF NOT EXISTS cosmos.store_version (version bigint NOT NULL)";

/// Brings the tables up to this version of the store.
pub(crate) async fn migrate(client: Client) -> Result<(), StoreError> {
    let migrated = async {
        client.batch_execute(BEGIN).await.map_err(writing)?;
        let version = version(&client).await?;
        client
            .batch_execute(&remaining(version)?)
            .await
            .map_err(writing)?;
        client.batch_execute("COMMIT").await.map_err(writing)
    }
    .await;
    if migrated.is_err() {
        // Nothing of a transaction may stay behind in the pool.
        drop(Client::take(client));
    }
    migrated
}

async fn version(client: &Client) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(version), 0) FROM cosmos.store_version";
    client
        .query_typed_one(sql, &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(reading)
}

fn remaining(version: i64) -> Result<String, StoreError> {
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    match STEPS.get(done..) {
        Some([]) => Ok(String::new()),
        Some(steps) => Ok(format!(
            "{}; DELETE FROM cosmos.store_version; INSERT INTO cosmos.store_version VALUES ({})",
            steps.join(";"),
            STEPS.len()
        )),
        None => Err(StoreError::Invalid(
            format!(
                "the tables have version {version}, this program knows up to {}",
                STEPS.len()
            )
            .into(),
        )),
    }
}
