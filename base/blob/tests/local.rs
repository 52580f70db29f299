//! The directory store: the conformance suite, damage, and what dead processes leave.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use blob::{BlobError, BlobRef, BlobStore, Digest, LocalBlobs, StagedFile, conformance};

fn open(root: &Path) -> LocalBlobs {
    LocalBlobs::open("local", root).unwrap()
}

async fn put(store: &LocalBlobs, text: &'static str) -> BlobRef {
    store.put(text.into(), "text/plain").await.unwrap()
}

fn file(root: &Path, area: &str, digest: Digest) -> PathBuf {
    let hex = digest.to_hex();
    root.join(area).join(&hex[..2]).join(&hex[2..])
}

/// As a failing disk would: the bytes change, the length does not.
fn damage(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// As if it had been written so much earlier.
fn age(path: &Path, by: Duration) {
    let file = File::open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap() - by;
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
}

fn staged(path: PathBuf) -> StagedFile {
    StagedFile {
        path,
        content_type: "text/plain".into(),
    }
}

#[tokio::test]
async fn conforms() {
    let root = tempfile::tempdir().unwrap();
    let age = |key, by| age(&file(root.path(), "memo", key), by);
    conformance::run(|| Arc::new(open(root.path())) as Arc<dyn BlobStore>, age).await;
}

#[tokio::test]
async fn damage_is_found_by_every_reader() {
    let root = tempfile::tempdir().unwrap();
    let blob = put(&open(root.path()), "sound").await;
    damage(&file(root.path(), "sha256", blob.digest), b"souND");
    let store = open(root.path());
    let error = store.get(&blob, 100).await.unwrap_err();
    assert!(matches!(error, BlobError::Corrupt { .. }), "{error}");
    let error = store.local_path(&blob, root.path()).await.unwrap_err();
    assert!(matches!(error, BlobError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn putting_again_mends_a_torn_file() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let blob = put(&store, "whole").await;
    damage(&file(root.path(), "sha256", blob.digest), b"wh");
    assert!(!store.contains(&blob).await.unwrap());
    assert_eq!(put(&store, "whole").await, blob);
    assert_eq!(store.get(&blob, 100).await.unwrap(), "whole");
}

#[tokio::test]
async fn a_damaged_memo_is_as_good_as_none() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let key = Digest::of(b"key");
    store.memo_put(key, "old".into()).await.unwrap();
    damage(&file(root.path(), "memo", key), b"torn");
    assert_eq!(store.memo_get(key).await.unwrap(), None);
    let listed = store.memos(key.to_bytes()[0]).await.unwrap();
    assert_eq!(
        (listed.len(), &*listed[0].value),
        (1, &b""[..]),
        "to be forgotten some day"
    );
    assert_eq!(store.memo_put(key, "new".into()).await.unwrap(), "new");
    assert_eq!(store.memo_get(key).await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn published_files_are_read_only() {
    let root = tempfile::tempdir().unwrap();
    let blob = put(&open(root.path()), "x").await;
    let metadata = file(root.path(), "sha256", blob.digest).metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o444);
}

#[tokio::test]
async fn only_our_own_staged_files_are_published() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root.path().join("store"));
    let secret = root.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let error = store.publish(staged(secret)).await.unwrap_err();
    assert!(matches!(error, BlobError::NotPublishable { .. }), "{error}");
    // Nor through a directory that points out of the staging area.
    let way_out = store.staging("s").await.unwrap().join("out");
    symlink(root.path(), &way_out).unwrap();
    let error = store.publish(staged(way_out.join("secret"))).await;
    assert!(error.is_err() && root.path().join("secret").exists());
    let error = store.discard(&way_out.join("secret")).await;
    assert!(error.is_err() && root.path().join("secret").exists());
}

#[tokio::test]
async fn a_file_with_another_name_is_copied_and_left_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root.path().join("store"));
    let source = root.path().join("source");
    fs::write(&source, "source").unwrap();
    let link = store.staging("s").await.unwrap().join("link");
    fs::hard_link(&source, &link).unwrap();
    let before = source.metadata().unwrap().permissions();
    let blob = store.publish(staged(link)).await.unwrap();
    assert_eq!(source.metadata().unwrap().permissions(), before);
    fs::write(&source, "edited").unwrap();
    assert_eq!(store.get(&blob, 100).await.unwrap(), "source");
}

#[tokio::test]
async fn staging_of_the_living_is_not_swept() {
    let root = tempfile::tempdir().unwrap();
    let (living, sweeper) = (open(root.path()), open(root.path()));
    let staging = living.staging("in-work").await.unwrap();
    assert_eq!(sweeper.sweep_staging().await.unwrap(), 0);
    assert!(staging.exists());
    drop(living);
    assert!(!staging.exists());
}

const CHILD_ROOT: &str = "BLOB_TEST_CHILD_ROOT";

/// Not a test of its own: what `staging_of_the_dead_is_swept` runs in another process.
#[tokio::test]
async fn child_that_dies_in_work() {
    let Ok(root) = std::env::var(CHILD_ROOT) else {
        return;
    };
    let store = open(Path::new(&root));
    let staging = store.staging("in-work").await.unwrap();
    fs::create_dir(staging.join("locked")).unwrap();
    fs::write(staging.join("locked/half"), "ha").unwrap();
    fs::set_permissions(staging.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    let killed = rustix::process::Signal::KILL;
    rustix::process::kill_process(rustix::process::getpid(), killed).unwrap();
}

#[tokio::test]
async fn staging_of_the_dead_is_swept() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_dies_in_work"])
        .env(CHILD_ROOT, root.path())
        .status();
    assert!(!status.unwrap().success());
    // Ours and the dead one's: a directory and a lock each.
    let left = || fs::read_dir(root.path().join("staging")).unwrap().count();
    assert_eq!(left(), 4);
    assert_eq!(store.sweep_staging().await.unwrap(), 1);
    assert_eq!(left(), 2);
    assert_eq!(store.sweep_staging().await.unwrap(), 0);
}
