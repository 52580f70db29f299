use std::collections::BTreeMap;

use bytes::Bytes;
use store::{KeyRange, Store};

use super::facts::{Fact, Facts, LANES};
use super::write::last;
use super::{OWNER, SHARDS, TTL, WINDOW, body, body_key, counter_key, mark, mark_key, shard_of};

const PAGE: usize = 100;

/// Checks that everything in `acknowledged` is there, whole and in order, and
/// nothing else but at most the one commit of each lane that was under way.
/// Returns what was found, and what is wrong.
pub async fn check(
    store: &dyn Store,
    seed: u64,
    acknowledged: &Facts,
) -> anyhow::Result<(Facts, Vec<String>)> {
    let (mut found, mut wrong) = (Facts::default(), Vec::new());
    for lane in 0..LANES {
        let commit = last(store, lane).await?;
        wrong.extend(wrong_count(lane, acknowledged.lane(lane), commit));
        found.learn(Fact::Commit { lane, commit });
    }
    for shard in SHARDS {
        wrong.extend(wrong_entries(
            shard,
            &read_all(store, shard).await?,
            &expected(seed, shard, &found),
        ));
        let fence = store.acquire(shard, OWNER, TTL).await;
        let epoch = fence.map_or(0, |fence| fence.epoch);
        wrong.extend(wrong_epoch(shard, acknowledged.epoch(shard), epoch));
        found.learn(Fact::Epoch {
            shard: shard.to_owned(),
            epoch: acknowledged.epoch(shard),
        });
    }
    Ok((found, wrong))
}

fn wrong_count(lane: u64, acknowledged: u64, found: u64) -> Option<String> {
    match found {
        _ if found < acknowledged => Some(format!(
            "LOST lane {lane}: {acknowledged} acknowledged, {found} found"
        )),
        _ if found > acknowledged + 1 => Some(format!(
            "INVENTED lane {lane}: {acknowledged} acknowledged, {found} found"
        )),
        _ => None,
    }
}

fn wrong_epoch(shard: &str, acknowledged: u64, next: u64) -> Option<String> {
    (next <= acknowledged)
        .then(|| format!("LOST epoch of {shard}: {acknowledged} was given, then {next}"))
}

/// What a shard holds when its lanes are at these commits.
fn expected(seed: u64, shard: &str, found: &Facts) -> BTreeMap<Bytes, Bytes> {
    let mut entries = BTreeMap::new();
    for lane in (0..LANES).filter(|lane| shard_of(*lane) == shard && found.lane(*lane) > 0) {
        let newest = found.lane(lane);
        entries.insert(
            counter_key(lane).into(),
            Bytes::copy_from_slice(&newest.to_be_bytes()),
        );
        for commit in (newest.saturating_sub(WINDOW) + 1)..=newest {
            entries.insert(body_key(lane, commit).into(), body(seed, lane, commit));
            entries.insert(mark_key(lane, commit).into(), mark(seed, lane, commit));
        }
    }
    entries
}

async fn read_all(store: &dyn Store, shard: &str) -> anyhow::Result<BTreeMap<Bytes, Bytes>> {
    let (mut entries, mut range) = (BTreeMap::new(), KeyRange::all());
    loop {
        let page = store.range(shard, range.clone(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(entries);
        };
        range = range.after(last.key.clone());
        entries.extend(page.into_iter().map(|entry| (entry.key, entry.value)));
    }
}

fn wrong_entries(
    shard: &str,
    found: &BTreeMap<Bytes, Bytes>,
    expected: &BTreeMap<Bytes, Bytes>,
) -> Vec<String> {
    let said = |what: &str, key: &Bytes| format!("{what} {shard} {}", String::from_utf8_lossy(key));
    let mut wrong = Vec::new();
    for (key, value) in expected {
        match found.get(key) {
            Some(other) if other == value => {}
            Some(_) => wrong.push(said("DAMAGED", key)),
            None => wrong.push(said("MISSING", key)),
        }
    }
    wrong.extend(
        found
            .keys()
            .filter(|key| !expected.contains_key(*key))
            .map(|key| said("LEFT OVER", key)),
    );
    wrong
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::time::Duration;

    use clock::SystemClock;
    use store::{Batch, MemoryStore};

    use super::*;

    /// A store on which lane 0 has made `commits`, by its own rules.
    async fn written(commits: u64) -> (MemoryStore, store::Fence, Facts) {
        let store = MemoryStore::new(Arc::new(SystemClock));
        let fence = store
            .acquire("even", "writer", Duration::ZERO)
            .await
            .unwrap();
        let mut facts = Facts::default();
        facts.learn(Fact::Commit {
            lane: 0,
            commit: commits,
        });
        facts.learn(Fact::Epoch {
            shard: "even".to_owned(),
            epoch: 1,
        });
        let mut batch = Batch::new();
        for (key, value) in expected(7, "even", &facts) {
            batch.put(key, value);
        }
        store.commit(&fence, batch).await.unwrap();
        (store, fence, facts)
    }

    async fn wrong(store: &MemoryStore, facts: &Facts) -> Vec<String> {
        check(store, 7, facts).await.unwrap().1
    }

    #[tokio::test]
    async fn a_whole_store_is_right_also_with_a_commit_under_way() {
        let (store, _, mut facts) = written(60).await;
        assert_eq!(wrong(&store, &facts).await, [""; 0]);
        facts.learn(Fact::Commit {
            lane: 0,
            commit: 59,
        });
        facts.learn(Fact::Epoch {
            shard: "even".to_owned(),
            epoch: 1,
        });
        assert_eq!(wrong(&store, &facts).await, [""; 0]);
    }

    #[tokio::test]
    async fn every_kind_of_loss_is_told() {
        let (store, fence, mut facts) = written(60).await;
        let mut batch = Batch::new();
        batch
            .delete(body_key(0, 30))
            .put(body_key(0, 31), "other")
            .put(mark_key(0, 2), "old");
        store.commit(&fence, batch).await.unwrap();
        facts.learn(Fact::Commit {
            lane: 0,
            commit: 61,
        });
        facts.learn(Fact::Epoch {
            shard: "even".to_owned(),
            epoch: 9,
        });
        let wrong = wrong(&store, &facts).await.join("\n");
        for kind in [
            "LOST lane 0",
            "MISSING",
            "DAMAGED",
            "LEFT OVER",
            "LOST epoch of even",
        ] {
            assert!(wrong.contains(kind), "{kind} not told: {wrong}");
        }
        facts.learn(Fact::Commit {
            lane: 0,
            commit: 58,
        });
        assert!(
            check(&store, 7, &facts)
                .await
                .unwrap()
                .1
                .join("\n")
                .contains("INVENTED")
        );
    }
}
