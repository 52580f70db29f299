//! A pass over a real store and a real folder of blobs.

use std::fs::{File, FileTimes};
use std::sync::Arc;
use std::time::Duration;

use blob::{BlobRef, BlobStore, Blobs, Digest, LocalBlobs, NamedBlob, Value, list};
use clock::{SharedClock, SystemClock, Timestamp};
use store::{Batch, MemoryStore, Store};
use sweep::{Pace, Pass, Report, Terms, Walked};

const DAY: Duration = Duration::from_secs(86_400);
const MEMOS_KEEP: Duration = Duration::from_secs(20 * 86_400);

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
        self.age("sha256", blob.digest, DAY * 2);
        blob
    }

    /// A memo of a blob, both of which were put a month ago.
    async fn old_memo(&self, key: &[u8], blob: &BlobRef) -> Digest {
        let (key, memo) = (Digest::of(key), blob.digest.to_string());
        self.blobs.memo_put(key, memo.into()).await.unwrap();
        self.age("memo", key, DAY * 30);
        key
    }

    /// As if it had been put or touched so much earlier.
    fn age(&self, area: &str, digest: Digest, by: Duration) {
        let hex = digest.to_hex();
        let folder = self.folder.path().join(area).join(&hex[..2]);
        let file = File::open(folder.join(&hex[2..])).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap() - by;
        file.set_times(FileTimes::new().set_modified(modified))
            .unwrap();
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
        let terms = Terms {
            grace: DAY,
            memos_keep: Some(MEMOS_KEEP),
            most,
            dry_run,
        };
        let mut pass = Pass::begin(self.clock.now(), terms, marks.path().to_owned(), pace);
        let mut walked = Walked::new(self.store.walk().await.unwrap());
        pass.mark(&mut walked).await.unwrap();
        pass.follow(&*self.blobs).await.unwrap();
        pass.sweep(&*self.blobs).await.unwrap()
    }

    async fn is_there(&self, blob: &BlobRef) -> bool {
        self.blobs.contains(blob).await.unwrap()
    }
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
            world.age("sha256", blob.digest, DAY * 2);
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
    let report = world.sweep(9, false).await;
    assert_eq!((report.removed, report.memos, report.forgotten), (0, 1, 0));
    assert!(world.is_there(&blob).await);
}

#[tokio::test]
async fn a_memo_that_nobody_asked_for_goes_with_what_only_it_names() {
    let world = World::new();
    let (unused, used) = (world.old(b"unused").await, world.old(b"used").await);
    let referred = world.old(b"referred to").await;
    let key = world.old_memo(b"unused", &unused).await;
    let asked = world.old_memo(b"used", &used).await;
    world.old_memo(b"referred to", &referred).await;
    world.keep("s", "k", referred.digest.to_string()).await;
    assert!(world.blobs.memo_get(asked).await.unwrap().is_some());
    let dry = world.sweep(9, true).await;
    assert_eq!((dry.removed, dry.memos, dry.forgotten), (1, 1, 2));
    assert!(world.is_there(&unused).await);
    assert_eq!(world.sweep(9, false).await, dry);
    assert_eq!(world.blobs.memo_get(key).await.unwrap(), None);
    assert!(!world.is_there(&unused).await);
    assert!(world.is_there(&used).await && world.is_there(&referred).await);
    assert!(world.blobs.memo_get(asked).await.unwrap().is_some());
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
