//! Several servers over one store: who owns what, what happens when one goes, and workers of
//! queues that live apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may insist")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, SystemClock};
use futures::StreamExt;
use rpc::{Server, Token};
use store::{FaultStore, MemoryStore, Store};
use timestone::{Completion, LeasedMessage, NewMessage, QueueConfig, Session, shard_of};
use timestone_client::{DequeueRequest, SubscribeRequest, Timestone, WatchRequest};
use timestone_server::TimestoneServer;
use timestone_server::{Fleet, FleetError, FleetOptions, LocalTimestone, Metrics, OwnerOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "0123456789abcdef";
const SHARDS: u32 = 6;
const OWNERSHIP: Duration = Duration::from_millis(400);

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

struct Node {
    fleet: Arc<Fleet>,
    /// Where it tells what it measures.
    address: String,
    /// Between it and the store that all share.
    store: Arc<FaultStore<MemoryStore>>,
    _stop: DropGuard,
}

impl Node {
    /// What it tells at `/metrics`.
    async fn told(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {TOKEN}\r\n\
             connection: close\r\n\r\n",
            self.address,
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }
}

/// Servers that can be cut off from their store.
struct Nodes {
    token: Token,
    memory: Arc<MemoryStore>,
    all: Vec<Node>,
}

impl Nodes {
    async fn start(n: usize) -> Self {
        let mut nodes = Self {
            token: Token::parse(TOKEN).unwrap(),
            memory: Arc::new(MemoryStore::new(clock())),
            all: Vec::new(),
        };
        for _ in 0..n {
            nodes.add().await;
        }
        nodes.settled(&[SHARDS as usize / n].repeat(n)).await;
        nodes
    }

    async fn add(&mut self) {
        let store = Arc::new(FaultStore::new(Arc::clone(&self.memory)));
        let mut options = FleetOptions::new(self.token.clone());
        (options.owner.ttl, options.shards) = (OWNERSHIP, Some(SHARDS));
        let metrics = Metrics::new(100, None);
        options.owner.metrics = Some(metrics.clone());
        let fleet = Fleet::new(store.clone(), clock(), options).await;
        let fleet = Arc::new(fleet.unwrap());
        let services = TimestoneServer::of_fleet(&fleet).into_services();
        let measured = Arc::clone(&fleet);
        let server = Server::new(self.token.clone())
            .services(services)
            .routes(metrics.routes(move || measured.served()));
        let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        fleet.join(&bound.url());
        let (address, stop) = (bound.address().to_string(), CancellationToken::new());
        tokio::spawn(bound.serve(stop.clone()));
        self.all.push(Node {
            fleet,
            address,
            store,
            _stop: stop.drop_guard(),
        });
    }

    /// Returns when the servers have these shares.
    async fn settled(&self, shares: &[usize]) {
        let settled = || {
            let all = self.all.iter().map(|node| &*node.fleet);
            all.clone().all(Fleet::is_settled)
                && all
                    .map(|fleet| fleet.served().len())
                    .eq(shares.iter().copied())
        };
        while !settled() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What all servers tell at `/metrics`, each figure summed up.
    async fn figures(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for node in &self.all {
            let text = node.told().await;
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            for (name, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
                let value: f64 = value.parse().unwrap_or_default();
                *sums.entry(name.to_owned()).or_default() += value;
            }
        }
        sums
    }

    fn ask(&self, node: usize) -> Arc<dyn Timestone> {
        self.all[node].fleet.router()
    }
}

/// A queue of each shard.
fn queues() -> Vec<String> {
    let of = |shard| {
        let mut names = (0..).map(|n| format!("queue-{n}"));
        names.find(|name| shard_of(name, SHARDS) == shard).unwrap()
    };
    (0..SHARDS).map(of).collect()
}

fn message(queue: &str, id: &str, priority: i64) -> NewMessage {
    NewMessage {
        queue: queue.into(),
        id: id.into(),
        priority,
        ..NewMessage::default()
    }
}

async fn enqueue(timestone: &Arc<dyn Timestone>, messages: Vec<NewMessage>) {
    for outcome in timestone.enqueue(messages).await.unwrap() {
        outcome.unwrap();
    }
}

fn demand(queues: Vec<String>, max: u32, request_id: &str) -> DequeueRequest {
    DequeueRequest {
        queues,
        max,
        wait_ms: 0,
        lease_ms: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: request_id.into(),
    }
}

fn ids(leased: &[LeasedMessage]) -> Vec<&str> {
    let ids = leased.iter().map(|leased| leased.token.key.id.as_str());
    ids.collect()
}

fn done(leased: &LeasedMessage) -> Vec<Completion> {
    vec![Completion {
        token: leased.token.clone(),
        then_enqueue: Vec::new(),
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_come_and_go_and_every_message_stays() {
    let mut nodes = Nodes::start(1).await;
    let messages = queues();
    let messages = messages.iter().map(|queue| message(queue, "a", 0));
    enqueue(&nodes.ask(0), messages.collect()).await;
    nodes.add().await;
    nodes.add().await;
    nodes.settled(&[2, 2, 2]).await;
    for node in 0..3 {
        let counts = nodes.ask(node).count(&[]).await.unwrap();
        assert_eq!(counts.iter().map(|count| count.pending).sum::<u64>(), 6);
    }
    nodes.all.remove(0).fleet.shutdown().await;
    nodes.settled(&[3, 3]).await;
    let listed = nodes.ask(0).list_queues("queue-", "", 9).await.unwrap();
    let listed: BTreeSet<_> = listed.into_iter().map(|view| view.count.queue).collect();
    assert_eq!(listed, queues().into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_measure_sums_up_to_what_there_is() {
    let mut nodes = Nodes::start(3).await;
    let spread = QueueConfig {
        partitions: 3,
        ..QueueConfig::default()
    };
    nodes.ask(0).put_queue("spread", spread).await.unwrap();
    let ids: Vec<_> = (0..9).map(|id| id.to_string()).collect();
    for queue in queues().iter().chain([&"spread".to_owned()]) {
        let messages = ids.iter().map(|id| message(queue, id, 0));
        enqueue(&nodes.ask(1), messages.collect()).await;
    }
    let asked = nodes.ask(2);
    let leased = asked.dequeue(demand(vec!["spread".into()], 4, "r"));
    assert_eq!(leased.await.unwrap().len(), 4);
    let summed = |figures: &BTreeMap<String, f64>, queue: &str, state: &str| {
        figures[&format!("timestone_messages{{queue=\"{queue}\",state=\"{state}\"}}")]
    };
    let figures = nodes.figures().await;
    assert_eq!(figures["timestone_owned_shards"], f64::from(SHARDS));
    let enqueued = "timestone_events_total{queue=\"spread\",event=\"enqueued\"}";
    assert_eq!(figures[enqueued], 9.0);
    nodes.all.remove(0).fleet.shutdown().await;
    nodes.settled(&[3, 3]).await;
    for figures in [figures, nodes.figures().await] {
        assert_eq!(summed(&figures, "spread", "pending"), 5.0);
        assert_eq!(summed(&figures, "spread", "running"), 4.0);
        for queue in queues() {
            assert_eq!(summed(&figures, &queue, "pending"), 9.0);
        }
    }
    assert_eq!(nodes.figures().await["timestone_owned_shards"], 6.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_cut_off_from_the_store_loses_its_share_and_tells_nothing() {
    let nodes = Nodes::start(2).await;
    let own: BTreeSet<_> = nodes.all[0]
        .fleet
        .served()
        .iter()
        .map(Arc::as_ptr)
        .collect();
    assert_eq!(own.len(), 3);
    let lost = nodes.all[0].fleet.served();
    nodes.all[0].store.cut();
    let messages = queues();
    let messages = messages.iter().map(|queue| message(queue, "a", 0));
    enqueue(&nodes.ask(1), messages.collect()).await;
    nodes.all[0].store.mend();
    for shard in &lost {
        // It has nothing to tell, or finds out that it is not the owner.
        let told = shard.count(&[]).await;
        assert!(told.is_err(), "{told:?}");
    }
    nodes.settled(&[3, 3]).await;
    let counts = nodes.ask(0).count(&queues()).await.unwrap();
    assert!(counts.iter().all(|count| count.pending == 1), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_urgent_of_queues_that_live_apart_comes_first() {
    let nodes = Nodes::start(2).await;
    let (asked, queues) = (nodes.ask(0), queues());
    let mut messages = Vec::new();
    for (n, queue) in (0..).zip(&queues) {
        messages.push(message(queue, &format!("{n:02}"), n));
        messages.push(message(queue, &format!("{:02}", n + 10), n + 10));
        messages.push(message(queue, &format!("{:02}", n + 20), n + 20));
    }
    enqueue(&asked, messages).await;
    let first = asked
        .dequeue(demand(queues.clone(), 8, "r1"))
        .await
        .unwrap();
    assert_eq!(
        ids(&first),
        ["00", "01", "02", "03", "04", "05", "10", "11"]
    );
    let again = nodes.ask(1).dequeue(demand(queues.clone(), 8, "r1")).await;
    assert_eq!(ids(&again.unwrap()), ids(&first));
    let rest = asked
        .dequeue(demand(queues.clone(), 99, "r2"))
        .await
        .unwrap();
    assert_eq!(rest.len(), 10);
    assert!(rest.is_sorted_by_key(|leased| leased.priority));
    assert!(
        asked
            .dequeue(demand(queues, 1, "r3"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_queues_that_live_apart() {
    let nodes = Nodes::start(2).await;
    for (n, queue) in queues().into_iter().enumerate() {
        let (asked, request) = (nodes.ask(0), demand(queues(), 1, &n.to_string()));
        let waiting = tokio::spawn(async move {
            let request = DequeueRequest {
                wait_ms: 60_000,
                ..request
            };
            asked.dequeue(request).await.unwrap()
        });
        nodes.ask(1).count(&[]).await.unwrap();
        enqueue(&nodes.ask(1), vec![message(&queue, "a", 0)]).await;
        assert_eq!(waiting.await.unwrap()[0].token.key.queue, queue);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_of_queues_that_live_apart_is_sent_what_it_has_room_for() {
    let nodes = Nodes::start(2).await;
    let (asked, queues) = (nodes.ask(0), queues());
    let request = SubscribeRequest {
        queues: queues.clone(),
        credit: 3,
        lease_ms: Some(60_000),
        session: demand(Vec::new(), 1, "").session,
        subscription_id: "s".into(),
        filter: None,
        ahead: false,
    };
    let mut stream = asked.subscribe(request.clone()).await.unwrap();
    for round in 0..4 {
        let id = round.to_string();
        let messages = queues.iter().map(|queue| message(queue, &id, round));
        enqueue(&nodes.ask(1), messages.collect()).await;
    }
    let (mut held, mut seen) = (Vec::new(), BTreeSet::new());
    while seen.len() < 24 {
        let some = stream.next().await.unwrap().unwrap();
        for leased in some {
            assert!(seen.insert(leased.token.key.clone()), "sent twice");
            held.push(leased);
        }
        assert!(held.len() <= 3, "more than there is room for");
        let running = asked.count(&[]).await.unwrap();
        let running: u64 = running.iter().map(|count| count.running).sum();
        assert!(running <= 3, "{running} are leased");
        if held.len() == 3 || seen.len() == 24 {
            let leased = held.remove(0);
            asked.complete(done(&leased)).await.unwrap()[0]
                .clone()
                .unwrap();
        }
    }
    let none = SubscribeRequest {
        credit: 0,
        ..request
    };
    assert!(asked.subscribe(none).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_share_out_what_comes() {
    let nodes = Nodes::start(2).await;
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let asked = nodes.ask(n % 2);
        let request = DequeueRequest {
            wait_ms: 60_000,
            session: Session {
                owner: format!("w{n}"),
                boot: "1".into(),
            },
            ..demand(queues(), 1, "r")
        };
        workers.spawn(async move { asked.dequeue(request).await.unwrap() });
    }
    nodes.ask(0).count(&[]).await.unwrap();
    let queues = queues();
    let messages = (0..20).map(|n| message(&queues[n % 6], &n.to_string(), 0));
    enqueue(&nodes.ask(0), messages.collect()).await;
    let taken = workers.join_all().await;
    let taken: BTreeSet<_> = taken
        .iter()
        .flatten()
        .map(|leased| leased.token.key.clone())
        .collect();
    assert_eq!(taken.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_goes_on_with_the_next_owner() {
    let mut nodes = Nodes::start(2).await;
    let queue = &queues()[0];
    let asked = nodes.ask(1);
    let mut watch = asked.watch(WatchRequest::of(queue)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().count.pending, 0);
    nodes.all.remove(0).fleet.shutdown().await;
    enqueue(&asked, vec![message(queue, "a", 0)]).await;
    loop {
        let told = watch.next().await.unwrap().unwrap();
        if told.count.pending == 1 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_shards_there_are_is_settled_once() {
    let nodes = Nodes::start(1).await;
    let mut options = FleetOptions::new(nodes.token.clone());
    options.shards = Some(4);
    let other = Fleet::new(nodes.memory.clone(), clock(), options.clone()).await;
    let Err(FleetError::OtherShards { found, wanted }) = other else {
        panic!("not refused");
    };
    assert_eq!((found, wanted), (SHARDS, 4));
    options.shards = None;
    Fleet::new(nodes.memory.clone(), clock(), options.clone())
        .await
        .unwrap();
    options.shards = Some(0);
    let none = Fleet::new(nodes.memory.clone(), clock(), options).await;
    assert!(matches!(none, Err(FleetError::NoSuchNumber(0))));
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_of_a_single_server_stay_where_they_are() {
    let memory = Arc::new(MemoryStore::new(clock()));
    let store: Arc<dyn Store> = memory.clone();
    let single = LocalTimestone::start(store.clone(), clock(), OwnerOptions::new("single"));
    let single: Arc<dyn Timestone> = Arc::new(single);
    let queues = queues();
    let messages = queues.iter().map(|queue| message(queue, "a", 0));
    enqueue(&single, messages.collect()).await;
    drop(single);
    let mut options = FleetOptions::new(Token::random());
    options.owner.ttl = OWNERSHIP;
    let fleet = Fleet::new(store, clock(), options).await.unwrap();
    fleet.join("http://127.0.0.1:9");
    let counts = loop {
        // The single server's time runs out first.
        match fleet.router().count(&queues).await {
            Ok(counts) => break counts,
            Err(why) => println!("{why}"),
        }
    };
    assert!(counts.iter().all(|count| count.pending == 1), "{counts:?}");
    assert_eq!(fleet.served().len(), 1);
}
