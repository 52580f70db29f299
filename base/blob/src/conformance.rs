//! What every blob store must do, as tests that an adapter calls.
//!
//! They fail by panicking, as tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::Timestamp;
use futures::future::join_all;

use crate::{BlobError, BlobRef, BlobStore, Digest, MEMO_STAYS_YOUNG, Memo, StagedFile};

const TYPE: &str = "text/plain";

/// Checks every property. `open` opens the store, again with each call; `age` makes the memo of a
/// key look as if it had been touched so much earlier.
pub async fn run(open: impl Fn() -> Arc<dyn BlobStore>, age: impl Fn(Digest, Duration)) {
    let store = open();
    what_is_put_can_be_read(&*store).await;
    equal_bytes_are_one_blob(&store).await;
    nothing_else_is_found(&*store).await;
    limits_are_kept(&*store).await;
    staged_files_are_published(&*store).await;
    equal_files_are_one_blob(&store).await;
    links_are_not_published(&*store).await;
    discarded_staging_is_gone(&*store).await;
    the_first_memo_stays(&store).await;
    what_is_kept_is_told(&*store).await;
    a_memo_that_is_used_stays(&*store, &age).await;
    a_memo_while_it_goes_is_whole_or_gone(&store, &age).await;
    what_is_touched_stays(&*store).await;
    a_put_while_it_goes_is_not_lost(&store).await;
    blobs_outlive_their_store_handle(&open).await;
}

async fn read(store: &dyn BlobStore, blob: &BlobRef) -> Bytes {
    store.get(blob, u64::MAX).await.unwrap()
}

async fn put(store: &dyn BlobStore, text: &str) -> BlobRef {
    store.put(text.to_owned().into(), TYPE).await.unwrap()
}

async fn stage(store: &dyn BlobStore, text: &str) -> StagedFile {
    let path = store.staging("file").await.unwrap().join("out");
    fs::write(&path, text).unwrap();
    StagedFile {
        path,
        content_type: TYPE.into(),
    }
}

async fn what_is_put_can_be_read(store: &dyn BlobStore) {
    for text in ["", "a", &"long ".repeat(100_000)] {
        let blob = put(store, text).await;
        assert_eq!(blob.digest, Digest::of(text.as_bytes()));
        assert_eq!((blob.size, &*blob.content_type), (text.len() as u64, TYPE));
        assert_eq!(blob.store, store.name());
        assert_eq!(read(store, &blob).await, text);
        assert!(store.contains(&blob).await.unwrap());
        let into = store.staging("copy").await.unwrap();
        let path = store.local_path(&blob, &into).await.unwrap();
        assert_eq!(fs::read(path).unwrap(), text.as_bytes());
    }
}

async fn equal_bytes_are_one_blob(store: &Arc<dyn BlobStore>) {
    let puts = (0..32).map(|_| put(&**store, "all put this at once"));
    let blobs = join_all(puts).await;
    assert!(blobs.iter().all(|blob| blob == &blobs[0]));
    assert_eq!(read(&**store, &blobs[0]).await, "all put this at once");
}

async fn nothing_else_is_found(store: &dyn BlobStore) {
    let mut blob = put(store, "there").await;
    blob.digest = Digest::of(b"never put");
    assert!(!store.contains(&blob).await.unwrap());
    let error = store.get(&blob, u64::MAX).await.unwrap_err();
    assert!(matches!(error, BlobError::NotFound(_)), "{error}");
    let error = store.local_path(&blob, Path::new("/")).await.unwrap_err();
    assert!(matches!(error, BlobError::NotFound(_)), "{error}");
}

async fn limits_are_kept(store: &dyn BlobStore) {
    let blob = put(store, "12345").await;
    assert_eq!(store.get(&blob, 5).await.unwrap(), "12345");
    let error = store.get(&blob, 4).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { .. }), "{error}");
    let wrong_size = BlobRef { size: 4, ..blob };
    assert!(!store.contains(&wrong_size).await.unwrap());
    let error = store.get(&wrong_size, 5).await.unwrap_err();
    assert!(matches!(error, BlobError::Corrupt { .. }), "{error}");
}

async fn staged_files_are_published(store: &dyn BlobStore) {
    let staged = stage(store, "staged").await;
    let path = staged.path.clone();
    let blob = store.publish(staged).await.unwrap();
    assert_eq!(blob.digest, Digest::of(b"staged"));
    assert_eq!(read(store, &blob).await, "staged");
    assert!(!path.exists());
}

async fn equal_files_are_one_blob(store: &Arc<dyn BlobStore>) {
    let files = join_all((0..16).map(|_| stage(&**store, "all publish this"))).await;
    let blobs = join_all(files.into_iter().map(|file| store.publish(file))).await;
    let blobs: Vec<_> = blobs.into_iter().map(Result::unwrap).collect();
    assert!(blobs.iter().all(|blob| blob == &blobs[0]));
    assert_eq!(read(&**store, &blobs[0]).await, "all publish this");
}

async fn links_are_not_published(store: &dyn BlobStore) {
    let real = stage(store, "elsewhere").await;
    let link = stage(store, "").await;
    fs::remove_file(&link.path).unwrap();
    std::os::unix::fs::symlink(&real.path, &link.path).unwrap();
    assert!(store.publish(link).await.is_err());
    let missing = StagedFile {
        path: real.path.with_file_name("missing"),
        content_type: TYPE.into(),
    };
    assert!(store.publish(missing).await.is_err());
}

async fn discarded_staging_is_gone(store: &dyn BlobStore) {
    let one = store.staging("the same key").await.unwrap();
    let other = store.staging("the same key").await.unwrap();
    assert_ne!(one, other);
    fs::create_dir(one.join("inner")).unwrap();
    fs::write(one.join("inner/file"), "x").unwrap();
    store.discard(&one).await.unwrap();
    assert!(!one.exists() && other.exists());
    store.discard(&one).await.unwrap();
}

async fn the_first_memo_stays(store: &Arc<dyn BlobStore>) {
    let key = Digest::of(b"memo");
    assert_eq!(store.memo_get(key).await.unwrap(), None);
    let values = (0..16).map(|n| Bytes::from(format!("value {n}")));
    let kept = join_all(values.map(|value| store.memo_put(key, value))).await;
    let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
    assert!(kept.iter().all(|value| value == &kept[0]));
    assert_eq!(store.memo_get(key).await.unwrap().as_ref(), Some(&kept[0]));
    let huge = Bytes::from(vec![0; 65_537]);
    assert!(store.memo_put(Digest::of(b"huge"), huge).await.is_err());
}

async fn what_is_kept_is_told(store: &dyn BlobStore) {
    let blob = put(store, "kept and told").await;
    let kept = store.look(blob.digest).await.unwrap().unwrap();
    assert_eq!((kept.digest, kept.size), (blob.digest, blob.size));
    let first = blob.digest.to_bytes()[0];
    assert!(store.list(first).await.unwrap().contains(&kept));
    for (limit, expected) in [(4, "kept"), (99, "kept and told")] {
        assert_eq!(store.peek(blob.digest, limit).await.unwrap(), expected);
    }
    let never = Digest::of(b"never put");
    assert_eq!(store.look(never).await.unwrap(), None);
    let error = store.peek(never, 1).await.unwrap_err();
    assert!(matches!(error, BlobError::NotFound(_)), "{error}");
    let key = Digest::of(b"memo that is told");
    store.memo_put(key, "told".into()).await.unwrap();
    assert_eq!(memo(store, key).await.unwrap().value, "told");
}

async fn memo(store: &dyn BlobStore, key: Digest) -> Option<Memo> {
    let mut memos = store.memos(key.to_bytes()[0]).await.unwrap().into_iter();
    memos.find(|memo| memo.key == key)
}

async fn a_memo_that_is_used_stays(store: &dyn BlobStore, age: &impl Fn(Digest, Duration)) {
    let key = Digest::of(b"memo that is used");
    store.memo_put(key, "used".into()).await.unwrap();
    let touched = async || memo(store, key).await.unwrap().touched;
    let put = touched().await;
    assert!(
        !store.memo_forget(key, put).await.unwrap(),
        "it was put then"
    );
    // What is young stays as it is, so that asking for it writes nothing.
    age(key, MEMO_STAYS_YOUNG / 2);
    let young = touched().await;
    assert_eq!(store.memo_get(key).await.unwrap().unwrap(), "used");
    assert_eq!(touched().await, young);
    // What is old and is told stays old; who asks for it makes it young.
    age(key, MEMO_STAYS_YOUNG * 2);
    let old = touched().await;
    assert!(old < young);
    assert_eq!(store.memo_get(key).await.unwrap().unwrap(), "used");
    assert!(touched().await > young);
    assert!(!store.memo_forget(key, young).await.unwrap());
    age(key, MEMO_STAYS_YOUNG * 2);
    assert_eq!(store.memo_put(key, "other".into()).await.unwrap(), "used");
    assert!(touched().await > young);
    age(key, MEMO_STAYS_YOUNG * 2);
    assert!(store.memo_forget(key, young).await.unwrap());
    assert_eq!(store.memo_get(key).await.unwrap(), None);
    assert_eq!(memo(store, key).await, None);
    assert!(
        !store.memo_forget(key, Timestamp::MAX).await.unwrap(),
        "it is gone"
    );
    assert_eq!(store.memo_put(key, "anew".into()).await.unwrap(), "anew");
}

/// Whoever was answered by a memo that was old has made it stay.
async fn a_memo_while_it_goes_is_whole_or_gone(
    store: &Arc<dyn BlobStore>,
    age: &impl Fn(Digest, Duration),
) {
    let key = Digest::of(b"memo that goes and comes");
    for _ in 0..20 {
        store.memo_put(key, "whole".into()).await.unwrap();
        age(key, MEMO_STAYS_YOUNG * 3);
        let since = memo(&**store, key).await.unwrap().touched + MEMO_STAYS_YOUNG;
        let (told, goes) = tokio::join!(store.memo_get(key), store.memo_forget(key, since));
        let (told, goes) = (told.unwrap(), goes.unwrap());
        assert_eq!(told.is_none(), goes);
        assert_eq!(store.memo_get(key).await.unwrap(), told);
    }
}

async fn what_is_touched_stays(store: &dyn BlobStore) {
    let blob = put(store, "touched").await;
    let touched = async || store.look(blob.digest).await.unwrap().unwrap().touched;
    let since = touched().await;
    let goes = async |since| store.remove_untouched(blob.digest, since).await.unwrap();
    assert!(!goes(since).await, "it was touched then");
    assert!(store.contains(&blob).await.unwrap());
    // Until the store's clock has moved on.
    let later = since + Duration::from_millis(1);
    until(store, later).await;
    assert!(store.touch(&blob).await.unwrap());
    assert!(!goes(later).await);
    assert!(goes(Timestamp::MAX).await);
    assert!(!goes(Timestamp::MAX).await, "it is gone");
    assert!(!store.touch(&blob).await.unwrap());
    assert!(!store.contains(&blob).await.unwrap());
    assert_eq!(put(store, "touched").await, blob);
    assert_eq!(read(store, &blob).await, "touched");
}

/// Whoever was told that a blob is kept finds it, though somebody removes what is old.
async fn a_put_while_it_goes_is_not_lost(store: &Arc<dyn BlobStore>) {
    let text = "goes and comes";
    for _ in 0..20 {
        let blob = put(&**store, text).await;
        let then = store.look(blob.digest).await.unwrap().unwrap().touched;
        let since = then + Duration::from_millis(1);
        until(&**store, since).await;
        let removal = store.remove_untouched(blob.digest, since);
        let (again, removed) = tokio::join!(put(&**store, text), removal);
        removed.unwrap();
        assert!(store.contains(&again).await.unwrap());
    }
}

/// Until what is put is that young.
async fn until(store: &dyn BlobStore, time: Timestamp) {
    let hand = put(store, "the hand of the clock").await;
    while store.look(hand.digest).await.unwrap().unwrap().touched < time {
        store.touch(&hand).await.unwrap();
    }
}

async fn blobs_outlive_their_store_handle(open: &impl Fn() -> Arc<dyn BlobStore>) {
    let store = open();
    let blob = put(&*store, "kept").await;
    let key = Digest::of(b"kept memo");
    store.memo_put(key, "remembered".into()).await.unwrap();
    drop(store);
    let store = open();
    assert_eq!(read(&*store, &blob).await, "kept");
    assert_eq!(store.memo_get(key).await.unwrap().unwrap(), "remembered");
}
