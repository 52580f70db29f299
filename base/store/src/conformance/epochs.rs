use std::sync::Arc;

use super::{LONG, SHORT, Subject, puts};
use crate::{Fence, Store, StoreError};

pub(super) async fn check(store: &Arc<dyn Store>, subject: &mut impl Subject) {
    a_shard_nobody_acquired_takes_no_commit(store).await;
    another_owner_is_refused_while_time_runs(store).await;
    the_same_owner_starts_a_new_epoch(store).await;
    a_released_shard_is_free_at_once(store).await;
    one_of_many_acquirers_wins(store).await;
    a_lapsed_shard_is_taken_over(store, subject).await;
    renewing_extends_the_time(store, subject).await;
    a_lapsed_owner_may_renew_and_commit(store, subject).await;
    stale_commits_among_good_ones_are_refused_alone(store).await;
    who_owns_what_is_told(store, subject).await;
}

async fn a_shard_nobody_acquired_takes_no_commit(store: &Arc<dyn Store>) {
    for epoch in [0, 1] {
        let fence = Fence {
            shard: "epoch-none".into(),
            epoch,
        };
        refused(store, &fence).await;
    }
}

async fn another_owner_is_refused_while_time_runs(store: &Arc<dyn Store>) {
    let fence = store.acquire("epoch-held", "a", LONG).await.unwrap();
    assert_eq!((&*fence.shard, fence.epoch), ("epoch-held", 1));
    match store.acquire("epoch-held", "b", LONG).await {
        Err(StoreError::Owned { shard, owner }) => {
            assert_eq!((&*shard, &*owner), ("epoch-held", "a"));
        }
        other => unreachable!("expected to be refused, got {other:?}"),
    }
    store.commit(&fence, puts([("k", "v")])).await.unwrap();
    refused(store, &Fence { epoch: 2, ..fence }).await;
}

async fn the_same_owner_starts_a_new_epoch(store: &Arc<dyn Store>) {
    let older = store.acquire("epoch-again", "a", LONG).await.unwrap();
    let newer = store.acquire("epoch-again", "a", LONG).await.unwrap();
    assert_eq!(newer.epoch, older.epoch + 1);
    refused(store, &older).await;
    store.commit(&newer, puts([("k", "v")])).await.unwrap();
}

async fn a_released_shard_is_free_at_once(store: &Arc<dyn Store>) {
    let first = store.acquire("epoch-free", "a", LONG).await.unwrap();
    store.release(&first).await.unwrap();
    refused(store, &first).await;
    let second = store.acquire("epoch-free", "b", LONG).await.unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    store.release(&first).await.unwrap();
    store.commit(&second, puts([("k", "v")])).await.unwrap();
}

async fn one_of_many_acquirers_wins(store: &Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..16 {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            store
                .acquire("epoch-race", &format!("owner-{i}"), LONG)
                .await
        });
    }
    let won: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::ok)
        .collect();
    assert_eq!(won.len(), 1, "{won:?}");
    store.commit(&won[0], puts([("k", "v")])).await.unwrap();
}

async fn a_lapsed_shard_is_taken_over(store: &Arc<dyn Store>, subject: &mut impl Subject) {
    let first = store.acquire("epoch-lapse", "a", SHORT).await.unwrap();
    subject.pass(SHORT).await;
    let second = store.acquire("epoch-lapse", "b", LONG).await.unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    refused(store, &first).await;
    store.commit(&second, puts([("k", "v")])).await.unwrap();
}

async fn renewing_extends_the_time(store: &Arc<dyn Store>, subject: &mut impl Subject) {
    let fence = store.acquire("epoch-renew", "a", SHORT).await.unwrap();
    let before = store.now().await.unwrap();
    store.renew(&fence, LONG).await.unwrap();
    subject.pass(SHORT).await;
    assert!(
        store.now().await.unwrap().since(before) >= SHORT,
        "the store's time stood still"
    );
    let refused = store.acquire("epoch-renew", "b", LONG).await;
    assert!(
        matches!(refused, Err(StoreError::Owned { .. })),
        "{refused:?}"
    );
}

async fn a_lapsed_owner_may_renew_and_commit(store: &Arc<dyn Store>, subject: &mut impl Subject) {
    let fence = store.acquire("epoch-late", "a", SHORT).await.unwrap();
    subject.pass(SHORT).await;
    store.commit(&fence, puts([("k", "v")])).await.unwrap();
    store.renew(&fence, LONG).await.unwrap();
    let refused = store.acquire("epoch-late", "b", LONG).await;
    assert!(
        matches!(refused, Err(StoreError::Owned { .. })),
        "{refused:?}"
    );
}

/// Commits that share a sync do not share a fate.
async fn stale_commits_among_good_ones_are_refused_alone(store: &Arc<dyn Store>) {
    let stale = store.acquire("epoch-mixed", "a", LONG).await.unwrap();
    let fence = store.acquire("epoch-mixed", "a", LONG).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..60 {
        let (store, good) = (Arc::clone(store), i % 3 != 0);
        let fence = if good { fence.clone() } else { stale.clone() };
        tasks.spawn(async move {
            let commit = store.commit(&fence, puts([(&*format!("{i}"), "v")])).await;
            assert_eq!(commit.is_ok(), good, "{commit:?}");
            let found = store
                .get("epoch-mixed", format!("{i}").as_bytes())
                .await
                .unwrap();
            assert_eq!(found.is_some(), good, "commit {i}");
        });
    }
    tasks.join_all().await;
}

async fn who_owns_what_is_told(store: &Arc<dyn Store>, subject: &mut impl Subject) {
    let held = || async {
        let held = store.held("told/").await.unwrap();
        let held = held.into_iter();
        held.map(|held| (held.shard.to_string(), held.owner, held.epoch))
            .collect::<Vec<_>>()
    };
    let told = |shard: &str, owner: &str, epoch| (shard.to_owned(), owner.to_owned(), epoch);
    assert_eq!(held().await, []);
    store.acquire("told/b", "b", SHORT).await.unwrap();
    store.acquire("told/a", "a", LONG).await.unwrap();
    let again = store.acquire("told/a", "a", LONG).await.unwrap();
    store.acquire("toldd", "other", LONG).await.unwrap();
    let left = store.held("told/a").await.unwrap()[0].left;
    assert!(left <= LONG && left > LONG / 2, "{left:?}");
    assert_eq!(
        held().await,
        [told("told/a", "a", 2), told("told/b", "b", 1)]
    );
    subject.pass(SHORT).await;
    assert_eq!(held().await, [told("told/a", "a", 2)]);
    store.release(&again).await.unwrap();
    assert_eq!(held().await, []);
}

/// The fence is stale: it can neither change the shard nor keep it.
async fn refused(store: &Arc<dyn Store>, fence: &Fence) {
    let commit = store.commit(fence, puts([("refused", "v")])).await;
    match commit {
        Err(StoreError::Fenced { shard, held }) => {
            assert_eq!((shard, held), (fence.shard.clone(), fence.epoch));
        }
        other => unreachable!("expected to be fenced, got {other:?}"),
    }
    assert_eq!(store.get(&fence.shard, b"refused").await.unwrap(), None);
    let renew = store.renew(fence, LONG).await;
    assert!(matches!(renew, Err(StoreError::Fenced { .. })), "{renew:?}");
}
