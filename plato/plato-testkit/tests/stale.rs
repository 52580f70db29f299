//! An owner that stood still while another took its workflows over.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::{Clock, SharedClock, Timestamp};
use plato::{Definition, NodeCode, NodeDef, Phase, Registry, TaskContext, Value};
use plato_runtime::{PlatoRuntime, RuntimeConfig};
use plato_testkit::{Answer, BEGIN_MS, Seen, Site, VirtualTime, Worker};
use proto::plato::v1::StartWorkflow;
use proto::stratum::v1::Invocation;

const TTL: Duration = Duration::from_secs(2);

/// A clock that stops: who waits for it waits for ever, and who asks it hears the same.
#[derive(Clone)]
struct Stopping {
    time: VirtualTime,
    stopped: Arc<AtomicBool>,
}

impl Stopping {
    async fn unless_stopped(&self, sleep: impl Future<Output = ()>) {
        sleep.await;
        if self.stopped.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl Clock for Stopping {
    fn now(&self) -> Timestamp {
        match self.stopped.load(Ordering::Relaxed) {
            true => Timestamp::from_unix_ms(BEGIN_MS),
            false => self.time.now(),
        }
    }

    fn sleep_until(&self, until: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.unless_stopped(Clock::sleep_until(&self.time, until)))
    }

    fn elapsed(&self) -> Duration {
        self.time.elapsed()
    }

    fn sleep_until_elapsed(
        &self,
        until: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.unless_stopped(self.time.sleep_until_elapsed(until)))
    }
}

/// Waits for a while, then asks a function.
fn registry() -> Registry {
    let definition = Definition {
        name: "t.late".into(),
        version: 1,
        nodes: vec![
            NodeDef::timer("wait", 10_000),
            NodeDef::function("work", "t-work").after(["wait"]),
        ],
        output: "work".into(),
    };
    let work = |_: &TaskContext| Ok(Invocation::default());
    let mut registry = Registry::new();
    registry
        .register(definition, [("work", NodeCode::function(work))])
        .unwrap();
    registry
}

async fn own(site: &Site, process: &str, clock: SharedClock) -> PlatoRuntime {
    let config = RuntimeConfig {
        ttl: TTL,
        ..site.config(process)
    };
    let (store, blobs) = (Arc::clone(&site.store), site.blobs.clone());
    let registry = Arc::new(registry());
    let runtime = PlatoRuntime::start(config, store, site.open(), blobs, registry, clock);
    runtime.await.unwrap()
}

fn work(site: &Site) {
    let worker = Worker {
        site: site.clone(),
        client: site.open(),
        name: "worker".into(),
        answers: Arc::new(|_| Answer::Value(Value::inline("7"))),
        lease_ms: 60_000,
        seen: Arc::new(std::sync::Mutex::new(Seen::default())),
    };
    tokio::spawn(async move { worker.run(&["t-work".to_owned()], &[]).await });
}

async fn start(site: &Site) {
    let start = StartWorkflow {
        workflow_id: "w".into(),
        definition: "t.late".into(),
        input: Some(Value::inline("{}").into()).into(),
        ..Default::default()
    };
    let message = site.message("w", "w", &start);
    site.open().enqueue(vec![message]).await.unwrap();
}

/// What it remembers says that nobody waits for the result; that must not settle it.
#[test]
fn an_owner_that_was_replaced_takes_no_result() {
    let time = VirtualTime::default();
    let ended = time.run(async {
        let site = Site::start(&time, 1, 1);
        work(&site);
        let stopped = Arc::new(AtomicBool::new(false));
        let stopping = Stopping {
            time: time.clone(),
            stopped: Arc::clone(&stopped),
        };
        let first = own(&site, "first", Arc::new(stopping)).await;
        start(&site).await;
        time.sleep(TTL).await;
        stopped.store(true, Ordering::Relaxed);
        let _second = own(&site, "second", Arc::new(time.clone())).await;
        time.sleep(Duration::from_secs(120)).await;
        let state = site.reader().state("w").await.unwrap();
        (first.counts(), state.unwrap().phase)
    });
    let (first, phase) = ended.unwrap();
    // It was asked, and what it made of that was refused, and so does not count.
    assert_eq!((first.late, first.fenced), (0, 1));
    assert_eq!(phase, Phase::Succeeded);
}
