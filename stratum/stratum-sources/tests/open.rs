//! Objects of a real server with a path: mounted, and copied.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corpus::skip;
use origin::{Faults, Manners, Origin};
use sources::{Pinned, Remote, RemoteConfig, S3Config};
use stratum_sources::{OpenSource, OpenSources, Reader, limits};

const PATH: &str = "/masters/film.mov";
const LENGTH: usize = 9_000_001;

fn film() -> Vec<u8> {
    (0..LENGTH)
        .map(|at| (at * 31 % 251) as u8 ^ (at >> 9) as u8)
        .collect()
}

/// A server with the film, and what reads it.
struct World {
    origin: Origin,
    remote: Remote,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let origin = Origin::start().await;
        origin.put(PATH, film());
        let config = RemoteConfig {
            http: vec![origin.url("/masters/")],
            s3: vec![S3Config {
                bucket: "masters".into(),
                endpoint: Some(origin.url("/")),
                ..S3Config::default()
            }],
            private: vec![origin.authority()],
            idle_ms: Some(1_000),
            ..RemoteConfig::default()
        };
        Self {
            origin,
            remote: Remote::new(&config).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn pinned(&self, uri: &str) -> Pinned {
        self.remote
            .pin(self.remote.object(uri).unwrap())
            .await
            .unwrap()
    }

    fn room(&self, name: &str) -> PathBuf {
        let room = self.folder.path().join(name);
        fs::create_dir(&room).unwrap();
        room
    }

    async fn open(&self) -> OpenSource {
        let pinned = self.pinned(&self.origin.url(PATH)).await;
        let (remote, room) = (self.remote.clone(), self.room("open"));
        OpenSource::open(remote, pinned, room, limits::MEMORY)
            .await
            .unwrap()
    }

    async fn copied(&self) -> OpenSource {
        let pinned = self.pinned("s3://masters/film.mov").await;
        let reader = Arc::new(Reader::new(
            self.remote.clone(),
            pinned.clone(),
            limits::MEMORY,
        ));
        OpenSource::copied(reader, &pinned, self.room("copied"))
            .await
            .unwrap()
    }
}

fn can_mount(what: &str) -> bool {
    let can = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .is_ok();
    if !can {
        skip(what, "/dev/fuse is missing or not for this user");
    }
    can
}

/// Runs what waits for the server beside it.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// What holds of any source with a path: a local file is the model.
fn is_the_film(path: &Path) {
    let film = film();
    assert_eq!(fs::metadata(path).unwrap().len(), LENGTH as u64);
    let file = File::open(path).unwrap();
    let mut tail = [0; 10];
    file.read_exact_at(&mut tail, LENGTH as u64 - 10).unwrap();
    assert_eq!(tail, film[LENGTH - 10..]);
    assert_eq!(file.read_at(&mut tail, LENGTH as u64).unwrap(), 0);
    assert_eq!(file.read_at(&mut tail, LENGTH as u64 - 3).unwrap(), 3);
    for jump in 0..50u64 {
        let (at, length) = (
            (jump * 7_654_321) % (LENGTH as u64 - 5_000),
            1 + jump as usize * 90,
        );
        let mut part = vec![0; length];
        file.read_exact_at(&mut part, at).unwrap();
        assert_eq!(
            part,
            film[at as usize..at as usize + length],
            "{at}+{length}"
        );
    }
    let mut whole = Vec::new();
    File::open(path).unwrap().read_to_end(&mut whole).unwrap();
    assert!(whole == film, "another film");
}

fn several_read_at_once(path: &Path) {
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| is_the_film(path));
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_a_mount_and_a_copy_read_alike() {
    let world = World::new().await;
    let file = world.folder.path().join("local.mov");
    fs::write(&file, film()).unwrap();
    let copied = world.copied().await;
    let mut paths = vec![file, copied.path().to_owned()];
    let open = match can_mount("an object behind a mount") {
        true => Some(world.open().await),
        false => None,
    };
    paths.extend(open.as_ref().map(|open| open.path().to_owned()));
    for path in &paths {
        assert_eq!(path.extension().unwrap(), "mov");
        let path = path.clone();
        beside(move || several_read_at_once(&path)).await;
    }
    beside(move || drop((open, copied))).await;
    assert_eq!(
        fs::read_dir(world.folder.path()).unwrap().count(),
        1,
        "folders were left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_reads_through_faults_within_its_memory() {
    if !can_mount("a mount of a server with faults") {
        return;
    }
    for checksums in [false, true] {
        let world = World::new().await;
        let open = world.open().await;
        world.origin.behave(Manners {
            checksums,
            ..Manners::default()
        });
        world.origin.misbehave(Faults::all(11, 20));
        let path = open.path().to_owned();
        beside(move || several_read_at_once(&path)).await;
        assert!(open.failure().is_none());
        assert!(world.origin.counts().faults > 0);
        beside(move || drop(open)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_keeps_more_than_its_memory() {
    let world = World::new().await;
    let pinned = world.pinned(&world.origin.url(PATH)).await;
    let reader = Arc::new(Reader::new(world.remote.clone(), pinned, 0));
    let film = Arc::new(film());
    let readers = (0..8u64).map(|number| {
        let (reader, film) = (reader.clone(), film.clone());
        tokio::spawn(async move {
            for step in 0..40u64 {
                let at = (number * 1_000_003 + step * 200_000) % (LENGTH as u64);
                let bytes = reader.read(at..at + 300_000).await.unwrap();
                let end = (at + 300_000).min(LENGTH as u64) as usize;
                assert!(bytes == film[at as usize..end], "{at}");
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    let most = limits::LEAST_MEMORY / limits::BLOCK;
    assert!(
        reader.most_blocks() as u64 <= most,
        "{}",
        reader.most_blocks()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_under_way_is_an_error_and_never_a_mix() {
    if !can_mount("a source that changes under a mount") {
        return;
    }
    let world = World::new().await;
    let open = world.open().await;
    let path = open.path().to_owned();
    let first = beside(move || {
        let mut first = [0; 4_096];
        let file = File::open(path).unwrap();
        file.read_exact_at(&mut first, 0).unwrap();
        (file, first)
    });
    let (file, first) = first.await;
    assert_eq!(first, film()[..4_096]);
    world.origin.put(PATH, vec![0; LENGTH]);
    let read = beside(move || file.read_at(&mut [0; 4_096], 8_000_000)).await;
    assert!(read.is_err(), "{read:?}");
    assert_eq!(open.failure().unwrap().code, "SOURCE_CHANGED");
    beside(move || drop(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_same_shares_it_and_what_failed_is_begun_anew() {
    if !can_mount("sources that are shared") {
        return;
    }
    let world = World::new().await;
    let (url, pinned) = (
        world.origin.url(PATH),
        world.pinned(&world.origin.url(PATH)).await,
    );
    let sources = OpenSources::new(world.remote.clone(), limits::MEMORY);
    let open = async |name: &str| {
        let version = (pinned.size(), pinned.version());
        let room = async { Ok(world.room(name)) };
        sources.open(&url, version, room).await.unwrap()
    };
    let (first, second) = (open("a").await, open("b").await);
    assert!(Arc::ptr_eq(&first, &second));
    world.origin.put(PATH, "another");
    let path = first.path().to_owned();
    assert!(beside(move || fs::read(path)).await.is_err());
    assert_eq!(second.failure().unwrap().code, "SOURCE_CHANGED");
    let third = open("b").await;
    assert!(!Arc::ptr_eq(&first, &third) && third.failure().is_none());
    let refused = sources.open("https://elsewhere/a.mov", (1, "\"1\""), async {
        panic!("made")
    });
    assert_eq!(refused.await.unwrap_err().code, "URL_NOT_ALLOWED");
    beside(move || drop((first, second, third, sources))).await;
}
