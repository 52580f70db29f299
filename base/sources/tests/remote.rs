//! Objects of a real server, by ranges, through everything that goes wrong.
#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use clock::{Clock, SystemClock, Timestamp};
use origin::{Fault as Wrong, Faults, Manners, Origin};
use sources::{Fault, Pinned, Place, Remote, RemoteConfig, S3Config, Sources};

/// A clock on which pauses are a hundredth as long.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep<'_> {
        Box::pin(async move { SystemClock.sleep_until(until).await })
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed() * 100
    }

    fn sleep_until_elapsed(&self, until: Duration) -> Sleep<'_> {
        Box::pin(async move { SystemClock.sleep_until_elapsed(until / 100).await })
    }
}

type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

const PATH: &str = "/masters/a%20film.mov";

fn film(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 31 % 251) as u8 ^ (at >> 9) as u8)
        .collect()
}

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.put(PATH, film(300_000));
    origin
}

fn remote(origin: &Origin) -> Remote {
    Remote::new(&RemoteConfig {
        http: vec![origin.url("/masters/")],
        s3: vec![S3Config {
            bucket: "masters".into(),
            endpoint: Some(origin.url("")),
            ..S3Config::default()
        }],
        private: vec![origin.authority()],
        idle_ms: Some(300),
        ..RemoteConfig::default()
    })
    .unwrap()
}

async fn pin(origin: &Origin) -> Result<Pinned, Fault> {
    let remote = remote(origin);
    let object = remote.object(&origin.url(PATH)).unwrap();
    remote.pin(object).await
}

async fn read(remote: &Remote, pinned: &Pinned, from: u64, to: u64) -> Result<Vec<u8>, Fault> {
    let mut all = BytesMut::new();
    remote
        .read(pinned, from..to, |bytes| all.extend_from_slice(&bytes))
        .await?;
    Ok(all.to_vec())
}

#[tokio::test]
async fn ranges_of_both_kinds_are_those_of_the_object() {
    let (origin, film) = (origin().await, film(300_000));
    let remote = remote(&origin);
    for uri in [origin.url(PATH), "s3://masters/a film.mov".into()] {
        let pinned = remote.pin(remote.object(&uri).unwrap()).await.unwrap();
        assert_eq!((pinned.size(), pinned.version()), (300_000, "\"1\""));
        for (from, to) in [
            (0, 300_000),
            (0, 1),
            (299_999, 300_000),
            (4_096, 70_000),
            (5, 5),
        ] {
            let bytes = read(&remote, &pinned, from, to).await.unwrap();
            assert_eq!(
                bytes,
                film[from as usize..to as usize],
                "{uri} {from}..{to}"
            );
        }
    }
}

#[tokio::test]
async fn every_fault_passes_and_no_byte_is_another() {
    let film = film(300_000);
    for kind in Wrong::ALL {
        let origin = origin().await;
        let checksums = kind == Wrong::Corrupt;
        origin.behave(Manners {
            checksums,
            ..Manners::default()
        });
        let (remote, pinned) = (remote(&origin), pin(&origin).await.unwrap());
        origin.misbehave(Faults {
            seed: 3,
            percent: 60,
            kinds: vec![kind],
        });
        for part in 0..10 {
            let (from, to) = (part * 30_000, (part + 1) * 30_000);
            let bytes = read(&remote, &pinned, from, to).await.unwrap();
            assert_eq!(bytes, film[from as usize..to as usize], "{kind:?}");
        }
        assert!(origin.counts().faults > 0, "{kind:?} never happened");
    }
}

#[tokio::test]
async fn a_server_that_never_recovers_is_given_up_by_name() {
    let origin = origin().await;
    let config = RemoteConfig {
        http: vec![origin.url("/masters/")],
        private: vec![origin.authority()],
        ..RemoteConfig::default()
    };
    let remote = Remote::timed(&config, Arc::new(Hasty)).unwrap();
    let pinned = pin(&origin).await.unwrap();
    drop(origin);
    let fault = remote.read(&pinned, 0..9, |_| {}).await.unwrap_err();
    assert!(
        matches!(fault, Fault::Unreachable(_) | Fault::Cut(_)),
        "{fault}"
    );
    let error = fault.error("http://x/a");
    assert_eq!(
        (error.code.as_str(), error.is_retryable()),
        ("SOURCE_UNREACHABLE", true)
    );
}

/// By ETag, by ETag that cannot be asked for, by date, by length.
#[tokio::test]
async fn another_version_is_an_error_and_never_a_byte() {
    let manners = [
        Manners::default(),
        Manners {
            weak: true,
            ..Manners::default()
        },
        Manners {
            dated: true,
            ..Manners::default()
        },
    ];
    for manners in manners {
        for length in [300_000, 299_999, 10] {
            let origin = origin().await;
            origin.behave(manners.clone());
            let (remote, pinned) = (remote(&origin), pin(&origin).await.unwrap());
            read(&remote, &pinned, 0, 10).await.unwrap();
            origin.put(PATH, vec![0; length]);
            let mut came = 0;
            let read = remote.read(&pinned, 10..300_000, |bytes| came += bytes.len());
            let fault = read.await.unwrap_err();
            assert!(matches!(fault, Fault::Changed(_)), "{manners:?} {fault}");
            assert!(remote.check(&pinned).await.is_err());
            assert_eq!(
                (came, fault.error("x").code.as_str()),
                (0, "SOURCE_CHANGED")
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_source_is_refused_by_name() {
    let table: [(Manners, &str); 3] = [
        (
            Manners {
                nameless: true,
                ..Manners::default()
            },
            "SOURCE_NOT_SEEKABLE",
        ),
        (
            Manners {
                without_ranges: true,
                ..Manners::default()
            },
            "SOURCE_NOT_SEEKABLE",
        ),
        (
            Manners {
                redirect: Some("http://169.254.169.254/".into()),
                ..Manners::default()
            },
            "SOURCE_REDIRECTED",
        ),
    ];
    for (manners, code) in table {
        let origin = origin().await;
        origin.behave(manners);
        let error = pin(&origin).await.unwrap_err().error("x");
        assert_eq!((error.code.as_str(), error.is_retryable()), (code, false));
        assert_eq!(origin.counts().requests, 1, "asked again in vain");
    }
    let origin = origin().await;
    origin.put(PATH, "");
    assert_eq!(pin(&origin).await.unwrap_err(), Fault::Empty);
    origin.remove(PATH);
    assert_eq!(pin(&origin).await.unwrap_err(), Fault::Missing);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    let origin = origin().await;
    let url = origin.url("/masters/").replace("127.0.0.1", "localhost");
    let open = RemoteConfig {
        http: vec![url.clone()],
        ..RemoteConfig::default()
    };
    let closed = Remote::new(&open).unwrap();
    let object = closed.object(&format!("{url}a.mov")).unwrap();
    let fault = closed.pin(object).await.unwrap_err();
    assert!(matches!(fault, Fault::NotPublic(_)), "{fault}");
    assert_eq!(origin.counts().requests, 0);
}

#[tokio::test]
async fn sources_are_told_apart_whatever_they_are() {
    let (origin, folder) = (origin().await, tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("a.mov"), "film").unwrap();
    let sources = Sources::of([folder.path().to_owned()], remote(&origin));
    let file = format!("file://{}/a.mov", folder.path().display());
    for uri in [file, origin.url(PATH), "s3://masters/a film.mov".into()] {
        let place = sources.place(&uri).unwrap();
        assert_eq!(
            (place.uri(), matches!(place, Place::File(_))),
            (uri.clone(), uri.starts_with("file"))
        );
        let before = sources.identify(&place).await.unwrap();
        assert_eq!(sources.identify(&place).await.unwrap(), before);
        std::fs::write(folder.path().join("a.mov"), "other film").unwrap();
        origin.put(PATH, film(300_000));
        assert_ne!(sources.identify(&place).await.unwrap(), before, "{uri}");
    }
}
