#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use blob::{Blobs, Digest, LocalBlobs};
use clock::{SystemClock, Timestamp};
use proptest::prelude::*;
use store::{Batch, MemoryStore, Store};
use stratum::{FunctionName, Package, Places};
use sweep::{Pace, Pass, Terms, Walked};

use crate::limits::{CHANNELS, EARLIER, VERSIONS};
use crate::{Catalog, ChannelName, Published, Setting, Version, keep, record};

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn version(n: u8) -> Version {
    Version {
        digest: digest(n),
        name: format!("1.{n}.0"),
        published: Timestamp::from_unix_ms(i64::from(n)),
    }
}

fn with(versions: std::ops::Range<u8>) -> Published {
    let mut published = Published::default();
    for n in versions {
        published.publish(version(n)).unwrap();
    }
    published
}

fn to(n: u8, percent: u8) -> Setting {
    let digest = digest(n);
    Setting { digest, percent }
}

fn named(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

/// Something that happens to a function.
#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Promote(&'static str, u8, u8),
    Rollback(&'static str),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let channel = prop::sample::select(vec!["stable", "canary", "next", "old"]);
    prop_oneof![
        (0_u8..6).prop_map(Step::Publish),
        (channel.clone(), 0_u8..6, 0_u8..=100)
            .prop_map(|(c, n, p)| { Step::Promote(c, n, if c == "canary" { p } else { 0 }) }),
        channel.prop_map(Step::Rollback),
        (0_u8..6).prop_map(Step::Remove),
    ]
}

fn take(published: &mut Published, step: &Step) -> Result<(), errors::Error> {
    match *step {
        Step::Publish(n) => published.publish(version(n)),
        Step::Promote(channel, n, percent) => published.promote(named(channel), to(n, percent)),
        Step::Rollback(channel) => published.rollback(&named(channel)),
        Step::Remove(n) => published.remove(digest(n)),
    }
}

proptest! {
    /// Whatever happens: channels name what is published, a refusal changes nothing, and it is
    /// kept as it is.
    #[test]
    fn channels_name_what_is_published(steps in prop::collection::vec(step(), 0..60)) {
        let mut published = Published::default();
        for step in &steps {
            let before = published.clone();
            if take(&mut published, step).is_err() {
                prop_assert_eq!(&published, &before);
            }
            for channel in published.channels.values() {
                let all = channel.earlier.iter().flatten().chain(&channel.now);
                for setting in all {
                    prop_assert!(published.version(setting.digest).is_some());
                }
                prop_assert!(channel.earlier.len() <= EARLIER);
            }
            let kept = record::write(&published).unwrap();
            prop_assert_eq!(record::read(&kept).unwrap(), published.clone());
        }
    }

    /// A choice is one of channels and id alone; what other channels do cannot be seen in it.
    #[test]
    fn a_workflow_gets_the_same_again(
        steps in prop::collection::vec(step(), 0..30),
        workflow in "[a-z0-9-]{1,12}",
    ) {
        let mut published = with(0..6);
        for step in &steps {
            let _ = take(&mut published, step);
        }
        let chosen = published.choose(None, &workflow);
        prop_assert_eq!(chosen, published.clone().choose(None, &workflow));
        let both = ["stable", "canary"].map(|name| published.named(&named(name)));
        let both = both.map(|setting| setting.map(|setting| setting.digest));
        prop_assert!(both.contains(&chosen));
        let asked = published.choose(Some(&named("next")), &workflow);
        let next = published.named(&named("next")).map(|setting| setting.digest);
        prop_assert_eq!(asked, next.or(both[0]));
    }

    /// Raising the percentage takes the canary from nobody.
    #[test]
    fn a_canary_only_grows(workflow in "[a-z0-9-]{1,12}", less in 0_u8..=100, more in 0_u8..=100) {
        let (less, more) = (less.min(more), less.max(more));
        let gets = |percent| {
            let mut published = with(0..2);
            published.promote(named("stable"), to(0, 0)).unwrap();
            published.promote(named("canary"), to(1, percent)).unwrap();
            published.choose(None, &workflow) == Some(digest(1))
        };
        prop_assert!(!gets(less) || gets(more));
        prop_assert!(!gets(0) && gets(100));
    }

    /// So many rollbacks undo so many promotions.
    #[test]
    fn rollbacks_undo_promotions(to_versions in prop::collection::vec(0_u8..6, 1..EARLIER)) {
        let mut published = with(0..6);
        let before = published.clone();
        let mut moves = 0;
        for n in to_versions {
            let was = published.named(&named("stable"));
            published.promote(named("stable"), to(n, 0)).unwrap();
            moves += usize::from(was != Some(to(n, 0)));
        }
        for _ in 0..moves {
            published.rollback(&named("stable")).unwrap();
        }
        prop_assert_eq!(&published, &before);
        prop_assert_eq!(published.rollback(&named("stable")).unwrap_err().code, "NOTHING_EARLIER");
    }
}

#[test]
fn there_is_always_a_way_back_to_nothing() {
    let mut published = with(0..2);
    for percent in 0..=EARLIER as u8 + 3 {
        published.promote(named("canary"), to(0, percent)).unwrap();
    }
    while published.named(&named("canary")).is_some() {
        published.rollback(&named("canary")).unwrap();
    }
    published.remove(digest(0)).unwrap();
}

#[test]
fn a_rollback_always_moves_the_channel() {
    let mut published = with(0..2);
    for version in [0, 1, 0] {
        published.promote(named("next"), to(version, 0)).unwrap();
    }
    published.remove(digest(1)).unwrap();
    published.rollback(&named("next")).unwrap();
    assert_eq!(published.named(&named("next")), None);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let mut published = with(0..3);
    published.promote(named("next"), to(1, 0)).unwrap();
    for (step, code) in [
        (Step::Promote("stable", 9, 0), "NO_SUCH_VERSION"),
        (Step::Promote("next", 1, 5), "PERCENT_INVALID"),
        (Step::Promote("canary", 1, 101), "PERCENT_INVALID"),
        (Step::Rollback("stable"), "NOTHING_EARLIER"),
        (Step::Remove(9), "NO_SUCH_VERSION"),
        (Step::Remove(1), "VERSION_IN_USE"),
    ] {
        let told = take(&mut published, &step).unwrap_err();
        assert_eq!(told.code, code, "{step:?}");
    }
    for n in 1..CHANNELS {
        let name = named(&format!("c{n}"));
        published.promote(name, to(0, 0)).unwrap();
    }
    let told = published.promote(named("more"), to(0, 0)).unwrap_err();
    assert_eq!(told.code, "TOO_MANY_CHANNELS");
    let mut full = with(0..u8::try_from(VERSIONS).unwrap());
    assert_eq!(full.publish(version(0)), Ok(()), "it is there");
    assert_eq!(
        full.publish(version(200)).unwrap_err().code,
        "TOO_MANY_VERSIONS"
    );
}

#[test]
fn versions_are_called_by_name_or_by_the_beginning_of_their_digest() {
    let mut published = with(0..3);
    published
        .publish(Version {
            name: "1.0.0".into(),
            ..version(7)
        })
        .unwrap();
    let hex = digest(7).to_hex();
    assert_eq!(published.find("1.1.0"), Ok(digest(1)));
    assert_eq!(published.find(&hex[..6]), Ok(digest(7)));
    assert_eq!(published.find(&digest(7).to_string()), Ok(digest(7)));
    for (called, code) in [
        ("1.0.0", "AMBIGUOUS_VERSION"),
        (&hex[..5], "NO_SUCH_VERSION"),
        ("", "NO_SUCH_VERSION"),
        ("9", "NO_SUCH_VERSION"),
    ] {
        assert_eq!(published.find(called).unwrap_err().code, code, "{called}");
    }
}

/// A function that is a script which says `text`.
fn package(folder: &Path, name: &str, text: &str) -> Package {
    let yaml = format!("name: {name}\nversion: '{text}'\ncommand: [run.sh]\n");
    fs::write(folder.join("function.yaml"), yaml).unwrap();
    let program = folder.join("run.sh");
    fs::write(&program, format!("#!/bin/sh\necho {text}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Package::load(
        folder,
        &Places {
            programs: vec![],
            tools: vec![],
        },
    )
    .unwrap()
}

#[tokio::test]
async fn a_workflow_is_pinned_to_what_channels_name_when_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open("local", &folder.path().join("blobs")).unwrap();
    let blobs = Blobs::new(Arc::new(blobs), []);
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let installed = ["av1", "avc"].map(|name| (name.to_owned(), format!("installed {name}")));
    let open = || Catalog::new(store.clone(), blobs.clone(), installed.clone().into());
    let catalog = open();
    let all = |_: &str| true;

    let one = package(folder.path(), "av1", "1");
    let told = catalog.publish(one.digest, None).await.unwrap_err();
    assert_eq!(told.code, "VERSION_NOT_KEPT");
    for (text, channel) in [("1", None), ("2", Some((named("next"), 0)))] {
        let package = package(folder.path(), "av1", text);
        keep(&blobs, &package).await.unwrap();
        catalog.publish(package.digest, channel).await.unwrap();
    }
    let stranger = package(folder.path(), "vp9", "1");
    keep(&blobs, &stranger).await.unwrap();
    let told = catalog.publish(stranger.digest, None).await.unwrap_err();
    assert_eq!(told.code, "NO_SUCH_FUNCTION");

    // Nothing is named yet, so what is installed runs.
    let pins = catalog.pins(all, "", "w").await.unwrap();
    assert_eq!(pins, installed.clone().into());
    let av1 = FunctionName::new("av1").unwrap();
    let stable = Setting {
        digest: one.digest,
        percent: 0,
    };
    let promote = |of: &mut Published| of.promote(named("stable"), stable);
    catalog.change(&av1, promote).await.unwrap();
    // Another process sees the same.
    let pins = open().pins(all, "", "w").await.unwrap();
    assert_eq!(
        (&*pins["av1"], &*pins["avc"]),
        (&*one.digest.to_string(), "installed avc")
    );
    let next = catalog.pins(all, "next", "w").await.unwrap();
    assert_ne!(next["av1"], pins["av1"]);
    assert_eq!(next["avc"], "installed avc");
    for (channel, functions, code) in [
        ("none", "av1", "NO_SUCH_CHANNEL"),
        ("next", "avc", "NO_SUCH_CHANNEL"),
        ("No", "av1", "CHANNEL_INVALID"),
    ] {
        let told = catalog.pins(|name| name == functions, channel, "w").await;
        assert_eq!(told.unwrap_err().code, code, "{channel} of {functions}");
    }
    assert!(
        catalog
            .pins(|name| name == "avc", "stable", "w")
            .await
            .is_ok()
    );
}

/// Removes, as an hour later, what nothing in the store refers to; how many went.
async fn sweep(store: &MemoryStore, blobs: &Blobs) -> u64 {
    let hour = Duration::from_secs(3_600);
    let folder = blobs.home().staging("sweep").await.unwrap();
    let pace = Pace::new(Arc::new(SystemClock), 100);
    let later = store.now().await.unwrap() + 2 * hour;
    let terms = Terms {
        grace: hour,
        memos_keep: None,
        most: 100,
        dry_run: false,
    };
    let mut pass = Pass::begin(later, terms, folder, pace);
    let walk = store.walk().await.unwrap();
    pass.mark(&mut Walked::new(walk)).await.unwrap();
    pass.follow(blobs.home()).await.unwrap();
    pass.sweep(blobs.home()).await.unwrap().removed
}

#[tokio::test]
async fn what_is_removed_stays_until_no_workflow_is_pinned_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open("local", &folder.path().join("blobs")).unwrap();
    let blobs = Blobs::new(Arc::new(blobs), []);
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let catalog = Catalog::new(store.clone(), blobs.clone(), Default::default());
    let package = package(folder.path(), "av1", "1");
    keep(&blobs, &package).await.unwrap();
    let channel = Some((named("next"), 0));
    let published = catalog.publish(package.digest, channel).await;
    let (av1, _) = published.unwrap();
    assert_eq!(sweep(&store, &blobs).await, 0, "it is published");

    let pins = catalog.pins(|_| true, "next", "w").await.unwrap();
    let fence = store.acquire("plato/ves/0", "plato", Duration::from_secs(9));
    let fence = fence.await.unwrap();
    let mut begun = Batch::new();
    begun.put("w", serde_json::to_vec(&pins).unwrap());
    store.commit(&fence, begun).await.unwrap();
    let gone = catalog.change(&av1, |of| {
        of.rollback(&named("next"))?;
        of.remove(package.digest)
    });
    assert_eq!(gone.await.unwrap(), Published::default());
    assert_eq!(catalog.list().await.unwrap(), []);
    assert_eq!(sweep(&store, &blobs).await, 0, "a workflow is pinned to it");

    let mut forgotten = Batch::new();
    forgotten.delete("w");
    store.commit(&fence, forgotten).await.unwrap();
    assert_eq!(sweep(&store, &blobs).await, 2, "manifest and program");
    let told = catalog.publish(package.digest, None).await.unwrap_err();
    assert_eq!(told.code, "VERSION_NOT_KEPT");
}
