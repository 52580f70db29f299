//! How many shards there are: settled by the first server, for good, as queues never move.

use std::time::Duration;

use store::{Batch, KeyRange, Store, StoreError};

use super::{FleetError, FleetOptions, MAX_SHARDS};

const KEY: &[u8] = b"shards";
/// Where nobody says.
const DEFAULT: u32 = 16;
/// How long the first server may take to settle it.
const TTL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The number of shards, recorded if it was not.
pub(super) async fn settle(store: &dyn Store, options: &FleetOptions) -> Result<u32, FleetError> {
    let wanted = options.shards;
    if let Some(wanted) = wanted.filter(|wanted| !(1..=MAX_SHARDS).contains(wanted)) {
        return Err(FleetError::NoSuchNumber(wanted));
    }
    loop {
        if let Some(found) = recorded(store, &options.prefix).await? {
            return match wanted {
                Some(wanted) if wanted != found => Err(FleetError::OtherShards { found, wanted }),
                _ => Ok(found),
            };
        }
        match record(store, options).await {
            Ok(()) => {}
            // Another is about to.
            Err(StoreError::Owned { .. } | StoreError::Fenced { .. }) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(why) => return Err(why.into()),
        }
    }
}

fn fleet(prefix: &str) -> String {
    format!("{prefix}/fleet")
}

async fn recorded(store: &dyn Store, prefix: &str) -> Result<Option<u32>, StoreError> {
    let Some(value) = store.get(&fleet(prefix), KEY).await? else {
        return Ok(None);
    };
    let shards = std::str::from_utf8(&value).ok();
    let shards = shards.and_then(|shards| shards.parse().ok());
    let shards = shards.filter(|shards| (1..=MAX_SHARDS).contains(shards));
    let damaged = || StoreError::Corrupt(format!("{value:?} shards of queues").into());
    shards.map(Some).ok_or_else(damaged)
}

async fn record(store: &dyn Store, options: &FleetOptions) -> Result<(), StoreError> {
    let fleet = fleet(&options.prefix);
    let fence = store.acquire(&fleet, &options.owner.owner, TTL).await?;
    if recorded(store, &options.prefix).await?.is_none() {
        // Queues of before there were shards all lie in the first.
        let first = format!("{}/0", options.prefix);
        let first = store.range(&first, KeyRange::all(), 1).await?;
        let shards = match first.is_empty() {
            true => options.shards.unwrap_or(DEFAULT),
            false => 1,
        };
        let mut batch = Batch::new();
        batch.put(KEY, shards.to_string());
        store.commit(&fence, batch).await?;
    }
    store.release(&fence).await
}
