//! How soon the groups of a process that falls silent are owned by another, in virtual time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Timestamp};
use plato_runtime::{Definitions, PlatoRuntime, RuntimeConfig};
use plato_testkit::{Site, VirtualTime};

const GROUPS: u32 = 8;
const TTL: Duration = Duration::from_secs(30);

/// Time as a process has it that is killed at some moment: nothing it waits for comes.
struct Until {
    time: VirtualTime,
    killed: Duration,
}

impl Clock for Until {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep(until.since(self.now()))
    }

    fn elapsed(&self) -> Duration {
        self.time.elapsed()
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        match until < self.killed {
            true => self.time.sleep_until_elapsed(until),
            false => Box::pin(pending()),
        }
    }
}

async fn process(site: &Site, name: &str, clock: impl Clock) -> PlatoRuntime {
    let config = RuntimeConfig {
        ttl: TTL,
        ..site.config(name)
    };
    let (store, blobs) = (site.store.clone(), site.blobs.clone());
    let definitions = Definitions::default();
    PlatoRuntime::start(
        config,
        store,
        site.open(),
        blobs,
        definitions,
        Arc::new(clock),
    )
    .await
    .unwrap()
}

/// From the kill of one of two processes until the other owns everything.
async fn takeover(time: VirtualTime, killed: Duration) -> Duration {
    let site = Site::start(&time, 1, GROUPS);
    let clock = Until {
        time: time.clone(),
        killed,
    };
    let killed_one = process(&site, "killed", clock).await;
    let other = process(&site, "other", time.clone()).await;
    let step = Duration::from_millis(100);
    while time.elapsed() < killed {
        time.sleep(step).await;
    }
    let held = |runtime: &PlatoRuntime| runtime.counts().groups;
    let half = u64::from(GROUPS) / 2;
    assert_eq!([&killed_one, &other].map(held), [half; 2], "they share");
    while held(&other) < u64::from(GROUPS) {
        time.sleep(step).await;
        assert!(time.elapsed() < killed + 3 * TTL, "nobody takes over");
    }
    time.elapsed() - killed
}

#[test]
fn what_a_killed_process_owned_is_owned_again_as_its_lease_runs_out() {
    // Whatever the phase of its renewals at which it is killed.
    for half_seconds in 120..150 {
        let (time, killed) = (
            VirtualTime::default(),
            Duration::from_millis(500) * half_seconds,
        );
        let taken = time.run(takeover(time.clone(), killed)).unwrap();
        assert!(
            // Renewed just before the kill, it is free after a whole lease.
            taken <= TTL + TTL / 30,
            "killed at {killed:?}, taken over {taken:?} later"
        );
    }
}
