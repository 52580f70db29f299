//! Every acknowledged commit survives a power cut, and losses would be noticed.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use powercut::disk::{Disk, Model};
use powercut::proof::{Adapter, FjallAdapter, PostgresAdapter, Proof, Report};
use powercut::{Behaviour, Mount};
use store::{Batch, Store, StoreError};
use store_fjall::FjallStore;
use store_postgres::testing::Programs;

fn proof(cuts: u64) -> Proof {
    let worker = env!("CARGO_BIN_EXE_soak-store").into();
    Proof {
        worker,
        seed: 2,
        cuts,
        model: None,
        lies: false,
        keep: None,
    }
}

/// Runs the proof, or says loudly that it cannot be run here.
fn run(
    what: &str,
    proof: Proof,
    adapter: impl FnOnce() -> Result<Box<dyn Adapter>, String>,
) -> Option<Report> {
    let adapter = match Mount::probe().and_then(|()| adapter()) {
        Ok(adapter) => adapter,
        Err(why) => {
            corpus::skip(what, &why);
            return None;
        }
    };
    let report = proof.run(&*adapter, |_| {}).unwrap();
    println!("{report:?}");
    Some(report)
}

fn fjall() -> Result<Box<dyn Adapter>, String> {
    Ok(Box::new(FjallAdapter))
}

fn postgres() -> Result<Box<dyn Adapter>, String> {
    let programs = Programs::find()?;
    Ok(Box::new(PostgresAdapter::new(programs).unwrap()))
}

fn survives(report: &Report) {
    assert!(report.is_clean(), "{:#?}", report.failures);
    assert!(report.acknowledged > 0, "nothing was committed");
    assert!(report.unsynced_writes > 0, "nothing was at risk");
}

#[test]
fn the_embedded_store_survives_cuts_on_either_model() {
    for model in [Model::Strict, Model::Ext4] {
        let proof = Proof {
            model: Some(model),
            ..proof(15)
        };
        run("power cuts of the embedded store", proof, fjall)
            .as_ref()
            .map(survives);
    }
}

#[test]
fn the_shared_store_survives_cuts() {
    run("power cuts of the PostgreSQL store", proof(3), postgres)
        .as_ref()
        .map(survives);
}

/// The control: where nothing is really synced, the proof must fail.
#[test]
fn losses_of_the_embedded_store_are_noticed() {
    let proof = Proof {
        lies: true,
        ..proof(6)
    };
    if let Some(report) = run("the control of power cuts", proof, fjall) {
        assert!(
            !report.is_clean(),
            "a disk that syncs nothing lost nothing: {report:?}"
        );
    }
}

#[test]
fn losses_of_the_shared_store_are_noticed() {
    let proof = Proof {
        lies: true,
        ..proof(2)
    };
    if let Some(report) = run("the control of power cuts of PostgreSQL", proof, postgres) {
        assert!(
            !report.is_clean(),
            "a disk that syncs nothing lost nothing: {report:?}"
        );
    }
}

fn put(key: &'static str) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, "v");
    batch
}

/// What a failed sync left on the disk is not known, so the store stays shut.
#[tokio::test]
async fn after_a_failed_sync_the_embedded_store_neither_writes_nor_reads() {
    if let Err(why) = Mount::probe() {
        return corpus::skip("a failing disk under the embedded store", &why);
    }
    let mount = Mount::new(Disk::new(Model::Strict), Behaviour::default()).unwrap();
    let store = FjallStore::open(mount.join("store"), Arc::new(SystemClock)).unwrap();
    let fence = store
        .acquire("s", "a", Duration::from_secs(60))
        .await
        .unwrap();
    store.commit(&fence, put("before")).await.unwrap();
    mount.cut();
    let failed = store.commit(&fence, put("during")).await;
    assert!(matches!(failed, Err(StoreError::Unknown(_))), "{failed:?}");
    let later = store.commit(&fence, put("after")).await;
    assert!(
        matches!(later, Err(StoreError::Unavailable(_))),
        "{later:?}"
    );
    let read = store.get("s", b"before").await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    drop(store);

    let (disk, _) = mount.unmount().after_cut(&mut powercut::Random::new(&[1]));
    let mount = Mount::new(disk, Behaviour::default()).unwrap();
    let store = FjallStore::open(mount.join("store"), Arc::new(SystemClock)).unwrap();
    assert!(store.get("s", b"before").await.unwrap().is_some());
    assert!(store.get("s", b"after").await.unwrap().is_none());
    drop(store);
    mount.unmount();
}
