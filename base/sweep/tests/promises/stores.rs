//! A pass over a real store and a real folder of blobs.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use blob::{BlobRef, BlobStore, Blobs, Digest, LocalBlobs, NamedBlob, Value, list};
use clock::{SharedClock, SystemClock, Timestamp};
use store::{Batch, MemoryStore, Store};
use sweep::{Pace, Pass, Report, Walked};

const DAY: Duration = Duration::from_secs(86_400);

struct World {
    folder: tempfile::TempDir,
    blobs: Arc<LocalBlobs>,
    store: MemoryStore,
    clock: SharedClock,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        Self {
            blobs: Arc::new(LocalBlobs::open("local", folder.path()).unwrap()),
            folder,
            store: MemoryStore::new(Arc::clone(&clock)),
            clock,
        }
    }

    /// A blob that was put two days ago.
    async fn old(&self, bytes: &[u8]) -> BlobRef {
        let blob = self.blobs.put(bytes.to_vec().into(), "x/y").await.unwrap();
        age(self.folder.path(), blob.digest);
        blob
    }

    async fn keep(&self, shard: &str, key: &str, value: String) {
        let fence = self.store.acquire(shard, "me", DAY).await.unwrap();
        let mut batch = Batch::new();
        batch.put(key.to_owned(), value);
        self.store.commit(&fence, batch).await.unwrap();
    }

    async fn sweep(&self, most: u64, dry_run: bool) -> Report {
        let marks = tempfile::tempdir().unwrap();
        let pace = Pace::new(Arc::clone(&self.clock), 100);
        let mut pass = Pass::begin(self.clock.now(), DAY, marks.path().to_owned(), pace);
        let mut walked = Walked::new(self.store.walk().await.unwrap());
        pass.mark(&mut walked).await.unwrap();
        pass.follow(&*self.blobs).await.unwrap();
        pass.sweep(&*self.blobs, most, dry_run).await.unwrap()
    }

    async fn is_there(&self, blob: &BlobRef) -> bool {
        self.blobs.contains(blob).await.unwrap()
    }
}

fn age(root: &Path, digest: Digest) {
    let hex = digest.to_hex();
    let file = File::open(root.join("sha256").join(&hex[..2]).join(&hex[2..])).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap() - DAY * 2;
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
}

fn named(blob: &BlobRef) -> Value {
    Value {
        blobs: vec![NamedBlob {
            name: "out".into(),
            blob: blob.clone(),
        }],
        ..Value::default()
    }
}

#[tokio::test]
async fn what_a_list_in_a_record_names_stays_and_the_rest_goes() {
    let world = World::new();
    let (kept, gone) = (world.old(b"\0\0kept").await, world.old(b"\0\0gone").await);
    let elements = vec![named(&kept); 5_000];
    let listed = list::write(&*world.blobs, &elements).await.unwrap();
    for first in 0..=u8::MAX {
        for blob in world.blobs.list(first).await.unwrap() {
            age(world.folder.path(), blob.digest);
        }
    }
    world
        .keep("plato/s/0", "v", listed.index.digest.to_string())
        .await;
    let dry = world.sweep(9, true).await;
    assert_eq!((dry.removed, dry.removed_bytes, dry.left), (1, 6, 0));
    assert!(world.is_there(&gone).await);
    let report = world.sweep(9, false).await;
    assert_eq!(report, dry);
    assert!(world.is_there(&kept).await && !world.is_there(&gone).await);
    let blobs = Blobs::new(world.blobs.clone(), []);
    let mut reader = list::ListReader::open(&blobs, listed).await.unwrap();
    assert!(reader.page_count() > 1, "the list has pages");
    assert_eq!(reader.all().await.unwrap(), elements);
}

#[tokio::test]
async fn what_is_young_or_too_much_is_left_to_a_later_pass() {
    let world = World::new();
    let young = world.blobs.put("young".into(), "x/y").await.unwrap();
    for n in 0..5_u8 {
        world.old(&[n]).await;
    }
    let report = world.sweep(3, false).await;
    assert_eq!((report.removed, report.left, report.young), (3, 2, 1));
    let report = world.sweep(3, false).await;
    assert_eq!((report.removed, report.left, report.young), (2, 0, 1));
    assert!(world.is_there(&young).await);
}

#[tokio::test]
async fn what_a_memo_names_stays() {
    let world = World::new();
    let blob = world.old(b"chunk").await;
    let memo = blob.digest.to_string();
    let key = Digest::of(b"key");
    world.blobs.memo_put(key, memo.into()).await.unwrap();
    assert_eq!(world.sweep(9, false).await.removed, 0);
    assert!(world.is_there(&blob).await);
}

#[tokio::test]
async fn touched_at_the_last_moment_stays() {
    let world = World::new();
    let blob = world.old(b"wanted again").await;
    let since = Timestamp::from_unix_ms(world.clock.now().unix_ms() - 3_600_000);
    assert!(world.blobs.touch(&blob).await.unwrap());
    let removed = world.blobs.remove_untouched(blob.digest, since).await;
    assert!(!removed.unwrap());
    assert!(world.is_there(&blob).await);
}
