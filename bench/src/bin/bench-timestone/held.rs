//! Timestone over PostgreSQL while another session holds a snapshot: what it has seen cannot be
//! vacuumed, and queues in tables that are read from their head get slower and slower.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bench::cpu;
use bench::machine::Machine;
use bench::postgres::{hand_over, postmaster};
use bytes::Bytes;
use clock::SystemClock;
use serde::Serialize;
use store_postgres::PostgresStore;
use store_postgres::testing::{Programs, Server};
use timestone::{Completion, NewMessage, QueueConfig, Session};
use timestone_client::{Client, DequeueRequest};
use timestone_server::{LocalTimestone, OwnerOptions};
use tokio::task::JoinSet;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::queue::{Message, PAYLOAD_BYTES};

const QUEUE: &str = "bench";
/// A rate is told over so many seconds, at most.
const WINDOW: u64 = 20;
/// One transaction that has read, and sees what was there when it did.
const HOLD: &str = "
    BEGIN ISOLATION LEVEL REPEATABLE READ;
    SELECT count(*) FROM cosmos.store_record";

#[derive(Serialize)]
pub struct Held {
    machine: Machine,
    settings: Settings,
    long_transaction: LongTransaction,
    ratios: Ratios,
}

#[derive(Serialize)]
struct Settings {
    seconds: u64,
    clients: usize,
    payload_bytes: usize,
    version: String,
}

/// Messages a second, each enqueued, leased and completed, and what one costs.
#[derive(Clone, Copy, Serialize)]
struct Rate {
    rate: f64,
    /// Processor time of PostgreSQL, and of the queue and its clients.
    postgres_cpu_us: f64,
    queue_cpu_us: f64,
    /// Pages that PostgreSQL looked at.
    pages: f64,
}

#[derive(Serialize)]
struct LongTransaction {
    /// Just before the transaction began.
    before: Rate,
    /// In its first and in its last seconds.
    at_start: Rate,
    at_end: Rate,
    messages: u64,
    table_before: Table,
    table_at_end: Table,
    /// Messages of each second.
    seconds: Vec<u64>,
}

#[derive(Serialize)]
struct Ratios {
    /// The rate at the end of the transaction to that before it.
    long_transaction_rate: f64,
}

/// How much room the store's records take up.
#[derive(Serialize)]
struct Table {
    heap_bytes: i64,
    index_bytes: i64,
    live_rows: i64,
    dead_rows: i64,
}

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long the transaction is open.
    pub seconds: u64,
    /// Before that, until the rate is steady.
    pub warm_up_seconds: u64,
    pub clients: usize,
}

/// Measures the rate before, during and at the end of a long transaction.
pub async fn measure(machine: Machine, plan: Plan, scratch: &Path) -> Result<Held> {
    let Plan {
        seconds, clients, ..
    } = plan;
    ensure!(seconds > 2, "--long-transaction takes at least 3 seconds");
    let home = tempfile::tempdir_in(scratch)?;
    let programs = Programs::find().map_err(|why| anyhow!(why))?;
    hand_over(&programs, home.path(), scratch)?;
    let data = home.path().join("data");
    programs.init(&data, &[])?;
    let server = Server::start(&programs, &data, home.path(), &[])?;
    let load = Load::start(&server.config(), clients).await?;
    let database = Database {
        process: postmaster(&data)?,
        onlooker: connect(&server.config()).await?,
        holder: connect(&server.config()).await?,
    };
    let held = database.hold(&load, plan).await;
    load.stop().await?;
    let (version, long_transaction) = held?;
    let LongTransaction { before, at_end, .. } = long_transaction;
    Ok(Held {
        machine,
        settings: Settings {
            seconds,
            clients,
            payload_bytes: PAYLOAD_BYTES,
            version,
        },
        long_transaction,
        ratios: Ratios {
            long_transaction_rate: at_end.rate / before.rate,
        },
    })
}

/// The database under the queue, from outside.
struct Database {
    process: u32,
    onlooker: tokio_postgres::Client,
    holder: tokio_postgres::Client,
}

/// What was used up so far.
struct Used {
    postgres: Duration,
    queue: Duration,
    pages: i64,
}

impl Database {
    async fn hold(&self, load: &Load, plan: Plan) -> Result<(String, LongTransaction)> {
        let seconds = plan.seconds;
        let window = WINDOW.min(seconds / 3);
        let version = self.onlooker.query_one("SHOW server_version", &[]).await?;
        load.completed(plan.warm_up_seconds).await?;
        let (before, _) = self.rate(load, window).await?;
        let table_before = self.table().await?;
        self.holder.batch_execute(HOLD).await?;
        let (at_start, first) = self.rate(load, window).await?;
        let middle = load.completed(seconds - 2 * window).await?;
        let (at_end, last) = self.rate(load, window).await?;
        let table_at_end = self.table().await?;
        self.holder.batch_execute("ROLLBACK").await?;
        let seconds = [first, middle, last].concat();
        let long_transaction = LongTransaction {
            before,
            at_start,
            at_end,
            messages: seconds.iter().sum(),
            table_before,
            table_at_end,
            seconds,
        };
        Ok((version.get(0), long_transaction))
    }

    /// The rate over the next `seconds`, and what was completed in each.
    async fn rate(&self, load: &Load, seconds: u64) -> Result<(Rate, Vec<u64>)> {
        let from = self.used().await?;
        let completed = load.completed(seconds).await?;
        let to = self.used().await?;
        let messages = completed.iter().sum::<u64>() as f64;
        let us = |from: Duration, to: Duration| (to - from).as_secs_f64() * 1e6 / messages;
        let rate = Rate {
            rate: messages / seconds as f64,
            postgres_cpu_us: us(from.postgres, to.postgres),
            queue_cpu_us: us(from.queue, to.queue),
            pages: (to.pages - from.pages) as f64 / messages,
        };
        Ok((rate, completed))
    }

    async fn used(&self) -> Result<Used> {
        let sql = "
            SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)
            FROM pg_statio_user_tables";
        let [pages] = self.numbers(sql).await?;
        Ok(Used {
            postgres: cpu::of_tree(self.process)?,
            queue: cpu::of_self(),
            pages,
        })
    }

    async fn table(&self) -> Result<Table> {
        let sql = "
            SELECT pg_relation_size(relid), pg_indexes_size(relid), n_live_tup, n_dead_tup
            FROM pg_stat_user_tables WHERE relname = 'store_record'";
        let [heap_bytes, index_bytes, live_rows, dead_rows] = self.numbers(sql).await?;
        Ok(Table {
            heap_bytes,
            index_bytes,
            live_rows,
            dead_rows,
        })
    }

    /// The numbers of the only row.
    async fn numbers<const N: usize>(&self, sql: &str) -> Result<[i64; N]> {
        let rows = self.onlooker.simple_query(sql).await?;
        let row = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.context("a statistic is missing")?;
        let mut numbers = [0; N];
        for (column, number) in numbers.iter_mut().enumerate() {
            let text = row.get(column).context("a statistic is missing")?;
            *number = text.parse()?;
        }
        Ok(numbers)
    }
}

async fn connect(config: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Clients that enqueue, lease and complete, one message after another.
struct Load {
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<()>>,
}

impl Load {
    async fn start(config: &str, clients: usize) -> Result<Self> {
        let store = Arc::new(PostgresStore::connect(config).await?);
        let local = LocalTimestone::start(store, Arc::new(SystemClock), OwnerOptions::new("bench"));
        let client = Client::new(Arc::new(local));
        client.put_queue(QUEUE, QueueConfig::default()).await?;
        let mut load = Self {
            done: Arc::default(),
            stop: Arc::default(),
            clients: JoinSet::new(),
        };
        for n in 0..clients {
            let (done, stop) = (Arc::clone(&load.done), Arc::clone(&load.stop));
            load.clients.spawn(cycle(client.clone(), n, done, stop));
        }
        Ok(load)
    }

    /// What was completed in each of the next seconds.
    async fn completed(&self, seconds: u64) -> Result<Vec<u64>> {
        let mut completed = Vec::new();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.tick().await;
        let mut before = self.done.load(Ordering::Relaxed);
        for _ in 0..seconds {
            second.tick().await;
            let now = self.done.load(Ordering::Relaxed);
            completed.push(now - before);
            before = now;
        }
        let any = completed.iter().any(|n| *n > 0);
        ensure!(any || seconds == 0, "nothing was completed");
        Ok(completed)
    }

    async fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        Ok(())
    }
}

async fn cycle(
    client: Client,
    n: usize,
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        calls += 1;
        for outcome in client.enqueue(vec![new_message()]).await? {
            outcome?;
        }
        let request = DequeueRequest {
            queues: vec![QUEUE.into()],
            max: 1,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: format!("worker-{n}"),
                boot: "1".into(),
            },
            request_id: calls.to_string(),
        };
        // As many are leased as were enqueued, though not always one's own.
        let leased = client.dequeue(request).await?;
        let completions = leased.into_iter().map(|message| Completion {
            token: message.token,
            then_enqueue: Vec::new(),
        });
        for outcome in client.complete(completions.collect()).await? {
            outcome?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn new_message() -> NewMessage {
    let Message {
        number, priority, ..
    } = Message::next();
    NewMessage {
        queue: QUEUE.into(),
        id: format!("message-{number:016}"),
        payload: Bytes::from_static(&[b'x'; PAYLOAD_BYTES]),
        priority: i64::try_from(priority).unwrap_or(i64::MAX),
        ..NewMessage::default()
    }
}
