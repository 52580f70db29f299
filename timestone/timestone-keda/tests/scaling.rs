//! KEDA's questions, by a plain gRPC client that shows no token.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use connectrpc::Protocol;
use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use rpc::{Server, Token};
use store::MemoryStore;
use timestone::{Completion, LeasedMessage, NewMessage, Outcome, QueueConfig, Session, shard_of};
use timestone_client::{DequeueRequest, Timestone};
use timestone_keda::{KedaScaler, wire};
use timestone_server::{Fleet, FleetOptions, LocalTimestone, OwnerOptions, TimestoneServer};
use tokio_util::sync::{CancellationToken, DropGuard};

struct World {
    queue: Arc<dyn Timestone>,
    keda: wire::ExternalScalerClient<SharedHttp2Connection>,
    _stop: Vec<DropGuard>,
    _fleets: Vec<Arc<Fleet>>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_000_000)))
}

async fn world() -> World {
    let clock = clock();
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let queue = LocalTimestone::start(store, clock, OwnerOptions::new("test"));
    scaled(Arc::new(queue)).await
}

const SHARDS: u32 = 5;
/// Longer than the clock shows.
const OWNERSHIP: Duration = Duration::from_secs(400_000_000);

/// As KEDA sees it at a server that owns nothing, beside two that share the queues.
async fn fleet() -> World {
    let (clock, token) = (clock(), Token::random());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let (mut fleets, mut stops) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut options = FleetOptions::new(token.clone());
        (options.owner.ttl, options.shards) = (OWNERSHIP, Some(SHARDS));
        let fleet = Fleet::new(store.clone(), clock.clone(), options).await;
        fleets.push(Arc::new(fleet.unwrap()));
    }
    for fleet in &fleets[..2] {
        let services = TimestoneServer::of_fleet(fleet).into_services();
        let server = Server::new(token.clone()).services(services);
        let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        fleet.join(&bound.url());
        let stop = CancellationToken::new();
        tokio::spawn(bound.serve(stop.clone()));
        stops.push(stop.drop_guard());
    }
    let settled = |fleet: &Arc<Fleet>| fleet.is_settled() && fleet.served().len() >= 2;
    while !fleets[..2].iter().all(settled) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut world = scaled(fleets[2].router()).await;
    world._stop.extend(stops);
    world._fleets = fleets;
    world
}

async fn scaled(queue: Arc<dyn Timestone>) -> World {
    let services = KedaScaler::new(queue.clone()).into_services();
    let server = Server::without_token().services(services);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let uri: http::Uri = bound.url().parse().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(bound.serve(stop.clone()));
    let transport = Http2Connection::builder()
        .lazy_plaintext(uri.clone())
        .shared(8);
    let config = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
    World {
        queue,
        keda: wire::ExternalScalerClient::new(transport, config),
        _stop: vec![stop.drop_guard()],
        _fleets: Vec::new(),
    }
}

fn object(metadata: &[(&str, &str)]) -> wire::ScaledObjectRef {
    let metadata = metadata.iter();
    wire::ScaledObjectRef {
        name: "encoders".into(),
        namespace: "media".into(),
        scaler_metadata: metadata
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..Default::default()
    }
}

impl World {
    async fn enqueue(&self, queue: &str, ids: std::ops::Range<u32>) {
        let messages = ids.map(|id| NewMessage {
            queue: queue.into(),
            id: id.to_string(),
            payload: Bytes::from_static(b"work"),
            ..NewMessage::default()
        });
        let outcomes = self.queue.enqueue(messages.collect()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Ok(Outcome::Done)));
    }

    async fn lease(&self, queue: &str, max: u32) -> Vec<LeasedMessage> {
        let request = DequeueRequest {
            queues: vec![queue.into()],
            max,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: "r".into(),
        };
        self.queue.dequeue(request).await.unwrap()
    }

    async fn complete(&self, leased: Vec<LeasedMessage>) {
        let completions = leased.into_iter().map(|leased| Completion {
            token: leased.token,
            then_enqueue: Vec::new(),
        });
        self.queue.complete(completions.collect()).await.unwrap();
    }

    async fn is_active(&self, metadata: &[(&str, &str)]) -> bool {
        let answer = self.keda.is_active(object(metadata)).await.unwrap();
        answer.into_owned().result
    }

    async fn work(&self, metadata: &[(&str, &str)]) -> (String, i64, f64) {
        let request = wire::GetMetricsRequest {
            scaled_object_ref: Some(object(metadata)).into(),
            metric_name: "s0-timestone-messages".into(),
            ..Default::default()
        };
        let answer = self.keda.get_metrics(request).await.unwrap().into_owned();
        let [value] = &answer.metric_values[..] else {
            panic!("{answer:?}");
        };
        let name = value.metric_name.clone();
        (name, value.metric_value, value.metric_value_float)
    }
}

const BOTH: &[(&str, &str)] = &[
    ("scalerAddress", "cosmos:7402"),
    ("queues", "a,b"),
    ("messagesPerWorker", "2.5"),
];

#[tokio::test]
async fn work_is_what_waits_and_what_runs() {
    let world = world().await;
    assert!(!world.is_active(BOTH).await);
    assert_eq!(
        world.work(BOTH).await,
        ("timestone-messages".into(), 0, 0.0)
    );
    world.enqueue("a", 0..3).await;
    world.enqueue("b", 0..4).await;
    world.enqueue("other", 0..9).await;
    let leased = world.lease("a", 2).await;
    assert_eq!(
        world.work(BOTH).await,
        ("timestone-messages".into(), 7, 7.0)
    );
    assert!(world.is_active(BOTH).await);
    world.complete(leased).await;
    assert_eq!(world.work(BOTH).await.1, 5);
    let patient = [("queues", "a"), ("activationMessages", "1")];
    assert!(!world.is_active(&patient).await);
    let spec = world.keda.get_metric_spec(object(BOTH)).await.unwrap();
    let spec = spec.into_owned().metric_specs.remove(0);
    assert_eq!(spec.metric_name, "timestone-messages");
    assert_eq!((spec.target_size, spec.target_size_float), (3, 2.5));
}

#[tokio::test]
async fn activity_is_pushed_when_it_changes() {
    let world = world().await;
    let mut stream = world.keda.stream_is_active(object(BOTH)).await.unwrap();
    let mut told = Vec::new();
    let mut next = async || {
        let answer = stream.message().await.unwrap().unwrap();
        told.push(answer.to_owned_message().result);
        told.clone()
    };
    assert_eq!(next().await, [false]);
    world.enqueue("a", 0..3).await;
    assert_eq!(next().await, [false, true]);
    let leased = world.lease("a", 3).await;
    world.complete(leased).await;
    assert_eq!(next().await, [false, true, false]);
    // A queue that is gone may come again.
    world
        .queue
        .delete_queues(vec!["a".into()], true)
        .await
        .unwrap();
    world.enqueue("a", 0..1).await;
    assert_eq!(next().await, [false, true, false, true]);
}

#[tokio::test]
async fn a_trigger_that_cannot_be_is_refused_with_its_keys() {
    let world = world().await;
    let wrong = object(&[("messagesPerWorker", "none")]);
    let refused = world.keda.get_metric_spec(wrong).await.unwrap_err();
    let told = rpc::told(&refused);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|error| error.code == "INVALID_ARGUMENT"));
}

/// A queue of each shard, and one that is spread over three.
async fn everywhere(world: &World) -> Vec<String> {
    let of = |shard| {
        let mut names = (0..).map(|n| format!("queue-{n}"));
        names.find(|name| shard_of(name, SHARDS) == shard).unwrap()
    };
    let spread = QueueConfig {
        partitions: 3,
        ..QueueConfig::default()
    };
    world.queue.put_queue("spread", spread).await.unwrap();
    (0..SHARDS).map(of).chain(["spread".into()]).collect()
}

#[tokio::test]
async fn queues_of_all_servers_are_asked_for_at_any() {
    let world = fleet().await;
    let queues = everywhere(&world).await;
    for (n, queue) in (1..).zip(&queues) {
        let one = [("queues", queue.as_str())];
        assert!(!world.is_active(&one).await, "{queue}");
        world.enqueue(queue, 0..n).await;
        assert_eq!(world.work(&one).await.1, i64::from(n), "{queue}");
        assert!(world.is_active(&one).await, "{queue}");
    }
    let all = queues.join(",");
    let all = [("queues", all.as_str())];
    assert_eq!(world.work(&all).await.1, 1 + 2 + 3 + 4 + 5 + 6);
    let leased = world.lease("spread", 4).await;
    assert_eq!(world.work(&all).await.1, 21, "what runs counts");
    world.complete(leased).await;
    assert_eq!(world.work(&all).await.1, 17);
}

#[tokio::test]
async fn activity_of_a_queue_that_is_spread_is_pushed() {
    let world = fleet().await;
    everywhere(&world).await;
    let object = object(&[("queues", "spread")]);
    let mut stream = world.keda.stream_is_active(object).await.unwrap();
    let mut next = async || {
        let answer = stream.message().await.unwrap().unwrap();
        answer.to_owned_message().result
    };
    assert!(!next().await);
    world.enqueue("spread", 0..6).await;
    assert!(next().await);
    let leased = world.lease("spread", 6).await;
    assert_eq!(leased.len(), 6);
    world.complete(leased).await;
    assert!(!next().await);
}
