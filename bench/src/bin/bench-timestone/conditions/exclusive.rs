//! A queue in which many values exclude their like, beside a simple one that is as full.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::Serialize;
use timestone::{NewMessage, QueueConfig, QueueKind};
use timestone_client::{Client, Consumer};

use crate::load::{Act, Connections, drive};
use crate::ours::{Consuming, QUEUE, Remote, Sharing, all_done, new_message, subscription};
use crate::queue::{Connection, Message};

/// The metadata key that excludes.
const KEY: &str = "title";
/// Messages of a call that fills the queue.
const FILLING: usize = 1_000;
/// Alternating rounds; the median counts.
const ROUNDS: usize = 3;

/// Messages per second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    enqueue: f64,
    lease_complete: f64,
}

#[derive(Serialize)]
pub struct Report {
    simple: Rates,
    exclusive: Rates,
    pub ratios: Ratios,
}

#[derive(Serialize)]
pub struct Ratios {
    pub exclusive_enqueue_vs_simple: f64,
    pub exclusive_lease_complete_vs_simple: f64,
}

/// Both kinds, one after the other, each on a server of its own.
pub async fn measure(
    values: usize,
    clients: usize,
    messages: usize,
    scratch: &Path,
) -> Result<Report> {
    let load = Load {
        values,
        clients,
        messages,
    };
    let (mut simple, mut exclusive) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        simple.push(load.rates(QueueKind::Simple, scratch).await?);
        let kind = QueueKind::Exclusive { key: KEY.into() };
        exclusive.push(load.rates(kind, scratch).await?);
    }
    let (simple, exclusive) = (Rates::median(&simple)?, Rates::median(&exclusive)?);
    Ok(Report {
        simple,
        exclusive,
        ratios: Ratios {
            exclusive_enqueue_vs_simple: exclusive.enqueue / simple.enqueue,
            exclusive_lease_complete_vs_simple: exclusive.lease_complete / simple.lease_complete,
        },
    })
}

impl Rates {
    fn median(rates: &[Self]) -> Result<Self> {
        let of = |pick: fn(&Self) -> f64| {
            bench::stats::median(rates.iter().map(pick)).context("there was no round")
        };
        Ok(Self {
            enqueue: of(|rates| rates.enqueue)?,
            lease_complete: of(|rates| rates.lease_complete)?,
        })
    }
}

struct Load {
    values: usize,
    clients: usize,
    messages: usize,
}

impl Load {
    async fn rates(&self, kind: QueueKind, scratch: &Path) -> Result<Rates> {
        let remote = Remote::start(Sharing::Sent, scratch).await?;
        let client = remote.client()?;
        let config = QueueConfig {
            kind,
            ..QueueConfig::default()
        };
        client.put_queue(QUEUE, config).await?;
        let values = self.values as u64;
        for from in (0..self.values).step_by(FILLING) {
            let count = FILLING.min(self.values - from);
            add(&client, values, (0..count).map(|_| Message::next())).await?;
        }
        let mut connections = self.connect(&client)?;
        let enqueue = drive(&mut connections, Act::Enqueue(1), self.messages).await?;
        let leases = drive(&mut connections, Act::LeaseComplete(1), self.messages).await?;
        Ok(Rates {
            enqueue: enqueue.rate(),
            lease_complete: leases.rate(),
        })
    }

    fn connect(&self, client: &Client) -> Result<Connections> {
        let consumer = client.consume(subscription(self.clients)?);
        let consumer = Arc::new(consumer);
        let connect = |_| Valued::connect(client, &consumer, self.values as u64);
        Ok((0..self.clients).map(connect).collect())
    }
}

/// Adds messages, of which the values repeat after `values`.
async fn add(
    client: &Client,
    values: u64,
    messages: impl IntoIterator<Item = Message>,
) -> Result<()> {
    let of = |message: Message| {
        let value = format!("title-{}", message.number % values);
        NewMessage {
            metadata: [(KEY.to_owned(), value)].into(),
            ..new_message(message)
        }
    };
    let messages = messages.into_iter().map(of).collect();
    all_done(client.enqueue(messages).await?)
}

/// A worker whose messages bear values.
struct Valued {
    client: Client,
    worker: Consuming,
    values: u64,
}

impl Valued {
    fn connect(client: &Client, consumer: &Arc<Consumer>, values: u64) -> Box<dyn Connection> {
        Box::new(Self {
            client: client.clone(),
            worker: Consuming::new(client.clone(), Arc::clone(consumer)),
            values,
        })
    }
}

#[async_trait]
impl Connection for Valued {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        add(&self.client, self.values, messages).await
    }

    async fn lease(&mut self, max: usize) -> Result<usize> {
        self.worker.lease(max).await
    }

    async fn complete(&mut self) -> Result<()> {
        self.worker.complete().await
    }
}
