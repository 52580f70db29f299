//! What Prometheus reads.

#![allow(clippy::unwrap_used, reason = "a test may insist")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::{ManualClock, Timestamp};
use rpc::{Server, Token};
use store::MemoryStore;
use timestone::{NewMessage, Outcome, QueueConfig, Session};
use timestone_client::{DequeueRequest, RemoteTimestone, Timestone};
use timestone_server::{LocalTimestone, Metrics, OwnerOptions, TimestoneServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

const NOW: i64 = 1_700_000_000_000;
const TOKEN: &str = "0123456789abcdef";

struct World {
    queue: RemoteTimestone,
    clock: ManualClock,
    address: String,
    _stop: DropGuard,
}

async fn world(limit: usize) -> World {
    let clock = ManualClock::new(Timestamp::from_unix_ms(NOW));
    let shared = Arc::new(clock.clone());
    let store = Arc::new(MemoryStore::new(shared.clone()));
    let metrics = Metrics::new(limit, None);
    let options = OwnerOptions {
        metrics: Some(metrics.clone()),
        ..OwnerOptions::new("test")
    };
    let queue = Arc::new(LocalTimestone::start(store, shared, options));
    let token = Token::parse(TOKEN).unwrap();
    let server = Server::new(token.clone())
        .services(TimestoneServer::new(queue.clone()).into_services())
        .routes(metrics.routes(move || vec![Arc::clone(&queue)]))
        .timed(move |path, took| metrics.called(path, took));
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let stop = CancellationToken::new();
    let world = World {
        queue: RemoteTimestone::connect(&bound.url(), &token).unwrap(),
        clock,
        address: bound.address().to_string(),
        _stop: stop.clone().drop_guard(),
    };
    tokio::spawn(bound.serve(stop));
    world
}

impl World {
    async fn enqueue(&self, queue: &str, id: &str, priority: i64) {
        let message = NewMessage {
            queue: queue.into(),
            id: id.into(),
            payload: Bytes::from_static(b"\x0a\x01x"),
            priority,
            ..NewMessage::default()
        };
        let outcomes = self.queue.enqueue(vec![message]).await.unwrap();
        assert_eq!(outcomes, [Ok(Outcome::Done)]);
    }

    async fn lease(&self, queue: &str) {
        let request = DequeueRequest {
            queues: vec![queue.into()],
            max: 1,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "w".into(),
                boot: "1".into(),
            },
            request_id: "r".into(),
        };
        assert_eq!(self.queue.dequeue(request).await.unwrap().len(), 1);
    }

    /// The answer to a plain request for `/metrics`.
    async fn ask(&self, authorization: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: {}\r\n{authorization}connection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn text(&self) -> String {
        let answer = self
            .ask(&format!("authorization: Bearer {TOKEN}\r\n"))
            .await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.contains("content-type: text/plain; version=0.0.4"),
            "{head}"
        );
        body.to_owned()
    }

    async fn figures(&self) -> BTreeMap<String, f64> {
        let text = self.text().await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let figures = lines.filter_map(|line| line.rsplit_once(' '));
        figures
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// Something of everything.
    async fn busy() -> Self {
        let world = world(100).await;
        world.enqueue("jobs", "late", NOW - 60_000).await;
        world.enqueue("jobs", "soon", NOW + 1_800_000).await;
        world.enqueue("jobs", "later", NOW + 86_400_000).await;
        world.enqueue("jobs", "most urgent", NOW - 90_000).await;
        world.lease("jobs").await;
        world.enqueue("quo\"ted\\\n", "x", 0).await;
        world
    }
}

#[tokio::test]
async fn queues_are_told_in_numbers() {
    let world = World::busy().await;
    world.clock.advance(Duration::from_secs(25));
    // The time is told with each call.
    world.enqueue("jobs", "new", NOW + 99_000_000).await;
    let figures = world.figures().await;
    let expected = [
        ("timestone_messages{queue=\"jobs\",state=\"pending\"}", 4.0),
        ("timestone_messages{queue=\"jobs\",state=\"running\"}", 1.0),
        (
            "timestone_pending_messages{queue=\"jobs\",class=\"overdue\"}",
            1.0,
        ),
        (
            "timestone_pending_messages{queue=\"jobs\",class=\"within_hour\"}",
            1.0,
        ),
        (
            "timestone_pending_messages{queue=\"jobs\",class=\"later\"}",
            2.0,
        ),
        ("timestone_oldest_pending_age_seconds{queue=\"jobs\"}", 25.0),
        (
            "timestone_events_total{queue=\"jobs\",event=\"enqueued\"}",
            5.0,
        ),
        (
            "timestone_events_total{queue=\"jobs\",event=\"leased\"}",
            1.0,
        ),
        (
            "timestone_events_total{queue=\"jobs\",event=\"lapsed\"}",
            0.0,
        ),
        (
            "timestone_messages{queue=\"quo\\\"ted\\\\\\n\",state=\"pending\"}",
            1.0,
        ),
        (
            "timestone_messages{queue=\"(other queues)\",state=\"pending\"}",
            0.0,
        ),
        ("timestone_call_seconds_count{method=\"Enqueue\"}", 6.0),
        ("timestone_call_seconds_count{method=\"Dequeue\"}", 1.0),
        ("timestone_commit_seconds_count", 7.0),
        ("timestone_waiting_workers", 0.0),
        ("timestone_owned_shards", 1.0),
        ("timestone_history_missed_events_total", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(figures.get(name), Some(&value), "{name} in {figures:#?}");
    }
    world.clock.advance(Duration::from_secs(30));
    let figures = world.figures().await;
    let lapsed = "timestone_events_total{queue=\"jobs\",event=\"lapsed\"}";
    assert_eq!(figures[lapsed], 1.0);
}

#[tokio::test]
async fn many_queues_are_told_of_together_and_nothing_is_lost() {
    let world = world(3).await;
    world
        .queue
        .put_queue("zoo", QueueConfig::default())
        .await
        .unwrap();
    for n in 0..20 {
        world.enqueue(&format!("queue {n:02}"), "x", 0).await;
    }
    world.enqueue("zoo", "x", 0).await;
    let figures = world.figures().await;
    let of = |metric: &str, also: &str| {
        let of = |name: &&String| name.starts_with(metric) && name.contains(also);
        let names = figures.keys().filter(of);
        names.map(|name| figures[name]).collect::<Vec<_>>()
    };
    let pending = of("timestone_messages{", "state=\"pending\"");
    assert_eq!((pending.len(), pending.iter().sum()), (4, 21.0));
    let zoo = of("timestone_messages{", "queue=\"zoo\",state=\"pending\"");
    assert_eq!(zoo, [1.0], "what was configured comes first");
    let enqueued = of("timestone_events_total{", "event=\"enqueued\"");
    assert_eq!(enqueued.iter().sum::<f64>(), 21.0);
}

#[tokio::test]
async fn nobody_reads_without_the_token() {
    let world = world(3).await;
    for authorization in ["", "authorization: Bearer fedcba9876543210\r\n"] {
        let answer = world.ask(authorization).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(!answer.contains("timestone_"), "{answer}");
    }
}

#[tokio::test]
async fn prometheus_finds_nothing_wrong() {
    let world = World::busy().await;
    let text = world.text().await;
    corpus::check_metrics(&text);
}

/// A program that is killed with its world.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that nobody listens at now.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Scrapes this server, with the token in a file, and serves what it found.
fn prometheus(folder: &Path, target: &str, address: &str) -> std::io::Result<Running> {
    let token = folder.join("token");
    std::fs::write(&token, TOKEN)?;
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: timestone\n    \
         authorization: {{credentials_file: {}}}\n    static_configs: [{{targets: [\"{target}\"]}}]\n",
        token.display()
    );
    std::fs::write(folder.join("prometheus.yml"), config)?;
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--web.listen-address={address}"))
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().map(Running)
}

/// The answer to a query, while there is somebody to answer.
async fn query(address: &str, query: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /api/v1/query?query={query} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn prometheus_scrapes_them() {
    let world = World::busy().await;
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let Ok(_running) = prometheus(folder.path(), &world.address, &address) else {
        let why = "prometheus is not installed (apt-get install prometheus)";
        return corpus::skip("metrics scraped by Prometheus", why);
    };
    let scraped = async {
        loop {
            let asked = query(&address, "timestone_messages").await;
            if asked.is_ok_and(|answer| answer.contains(r#""queue":"jobs","state":"running""#)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, scraped)
        .await
        .expect("it is scraped");
}
