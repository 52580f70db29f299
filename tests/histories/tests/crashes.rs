//! What clients see of servers that are killed, and of disks whose power is cut, is explained by
//! one order of their calls; of those with a mistake, it is not. A small part of
//! `cargo xtask soak timestone`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::path::Path;

use histories::cuts::{Cut, Cuts, Wrong};
use histories::evidence::Breaches;
use histories::history::History;
use histories::kills::kill;
use histories::planted::Mistake;
use histories::search::Verdict;
use histories::served::{Adapter, Blow, Served};
use powercut::Mount;
use store_postgres::testing::Programs;

fn program() -> &'static Path {
    env!("CARGO_BIN_EXE_soak-timestone").as_ref()
}

fn assert_right(history: &History, what: &str) {
    assert_eq!(history.judge(), Verdict::Linearizable, "{what}");
    assert_eq!(history.breaches(), Breaches::default(), "{what}");
}

/// Whether what clients saw is impossible, or the servers make nothing any more of what they
/// have written.
async fn is_wrong(served: &mut Served, seed: u64) -> bool {
    match kill(served, seed).await {
        Ok(kills) => kills.histories.iter().any(History::is_wrong),
        Err(_) => true,
    }
}

async fn kills(adapter: Adapter, seeds: std::ops::Range<u64>) -> Vec<Blow> {
    let mut served = Served::start(program(), adapter, None).await.unwrap();
    let mut blows = Vec::new();
    for seed in seeds {
        let kills = kill(&mut served, seed).await.unwrap();
        for history in &kills.histories {
            assert_right(history, &format!("{adapter:?} {seed}"));
        }
        blows.extend(kills.blows);
    }
    blows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing_and_leases_nothing_twice() {
    let blows = kills(Adapter::Fjall, 0..5).await;
    assert!(blows.len() >= 10, "{blows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_nothing_and_leases_nothing_twice() {
    if let Err(why) = Programs::find() {
        return corpus::skip("kills of the queue over PostgreSQL", &why);
    }
    let blows = kills(Adapter::Postgres, 0..2).await;
    assert!(blows.contains(&Blow::Server), "{blows:?}");
    assert!(blows.iter().any(|blow| *blow != Blow::Server), "{blows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_which_some_die_lose_nothing_and_lease_nothing_twice() {
    if let Err(why) = Programs::find() {
        return corpus::skip("kills of several servers over PostgreSQL", &why);
    }
    let blows = kills(Adapter::Fleet, 0..3).await;
    assert!(blows.contains(&Blow::Server), "{blows:?}");
    assert!(blows.iter().any(|blow| *blow != Blow::Server), "{blows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_writes_what_is_no_more_its_own_is_found() {
    if let Err(why) = Programs::find() {
        return corpus::skip("the control of several servers over PostgreSQL", &why);
    }
    let served = Served::start(program(), Adapter::Fleet, Some(Mistake::IgnoresFences));
    let mut served = served.await.unwrap();
    let mut found = false;
    for seed in 0..20 {
        found = found || is_wrong(&mut served, seed).await;
    }
    assert!(found);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_a_killed_server_are_found() {
    for mistake in [Mistake::AcknowledgesEarly, Mistake::LeasesTwice] {
        let served = Served::start(program(), Adapter::Fjall, Some(mistake));
        let mut served = served.await.unwrap();
        let mut found = false;
        for seed in 0..20 {
            found = found || is_wrong(&mut served, seed).await;
        }
        assert!(found, "{mistake:?}");
    }
}

#[test]
fn a_power_cut_loses_nothing_and_leases_nothing_twice() {
    if let Err(why) = Mount::probe() {
        return corpus::skip("power cuts under the queue", &why);
    }
    let mut survived = 0;
    for seed in 0..2 {
        let mut cuts = Cuts::new(seed, Wrong::default());
        for _ in 0..2 {
            for cut in cuts.next(15).unwrap() {
                match cut {
                    Cut::Survived(history) => assert_right(&history, &format!("disk {seed}")),
                    Cut::Unopenable(why) => panic!("disk {seed}: {why}"),
                }
                survived += 1;
            }
        }
    }
    assert!(survived >= 30, "{survived}");
}

#[test]
fn losses_of_a_disk_that_syncs_nothing_are_found() {
    if let Err(why) = Mount::probe() {
        return corpus::skip("the control of power cuts under the queue", &why);
    }
    let wrong = Wrong {
        lies: true,
        mistake: None,
    };
    let found = (0..5).any(|seed| {
        let cuts = Cuts::new(seed, wrong).next(10).unwrap();
        cuts.iter().any(|cut| match cut {
            Cut::Survived(history) => history.breaches().losses > 0,
            Cut::Unopenable(_) => true,
        })
    });
    assert!(found);
}
