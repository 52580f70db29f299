//! Messages by the million.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use proto::base::v1::Envelope;
use timestone::{Completion, NewMessage, Session};
use timestone_client::envelope::to_payload;
use timestone_client::{Client, DequeueRequest};
use tokio::task::JoinSet;

use crate::queue::PRIORITIES;

pub const QUEUE: &str = "depth";
/// Messages of a call.
const BATCH: u64 = 1_000;
/// Messages of a call that warms the server up: 4 MiB.
const WARM_UP_BATCH: u64 = 256;
/// Calls under way at the same time.
const CALLS: usize = 4;

/// What messages are like.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Bytes.
    pub payload: usize,
    /// Metadata pairs.
    pub pairs: usize,
}

/// Numbers that look random, so that nothing is compressed away that would not be.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let mut next = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    next ^ (next >> 31)
}

/// The next message, under an id as everybody gives.
pub fn message(kind: Kind) -> NewMessage {
    let mut body: Vec<u8> = Vec::with_capacity(kind.payload + 8);
    while body.len() < kind.payload {
        body.extend(random().to_be_bytes());
    }
    body.truncate(kind.payload);
    let pair = |n| {
        (
            format!("key-{n}"),
            format!("tenant-{:04}", random() % 10_000),
        )
    };
    NewMessage {
        queue: QUEUE.into(),
        id: ids::time_ordered(),
        payload: to_payload(&Envelope {
            body,
            ..Envelope::default()
        }),
        priority: (random() % PRIORITIES) as i64,
        metadata: (0..kind.pairs).map(pair).collect(),
        ..NewMessage::default()
    }
}

/// Enqueues so many messages in one call.
pub async fn enqueue(client: &Client, kind: Kind, messages: u64) -> Result<()> {
    let messages = (0..messages).map(|_| message(kind)).collect();
    for outcome in client.enqueue(messages).await? {
        outcome?;
    }
    Ok(())
}

/// Adds so many messages; messages per second.
pub async fn fill(client: &Client, kind: Kind, messages: u64) -> Result<f64> {
    let left = Arc::new(AtomicU64::new(messages));
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let (client, left) = (client.clone(), Arc::clone(&left));
        calls.spawn(async move {
            while let Some(batch) = take(&left) {
                enqueue(&client, kind, batch).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended??;
    }
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}

fn take(left: &AtomicU64) -> Option<u64> {
    let less = |left: u64| (left > 0).then(|| left.saturating_sub(BATCH));
    let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    before.ok().map(|before| before.min(BATCH))
}

/// Fills every cache of the server, which keep payloads, with few messages, by so many
/// calls of 4 MiB, and takes these out again. So what grows afterwards grows with the messages.
pub async fn warm_up(client: &Client, calls: u64) -> Result<()> {
    let kind = Kind {
        payload: 16 << 10,
        pairs: 0,
    };
    for _ in 0..calls {
        enqueue(client, kind, WARM_UP_BATCH).await?;
    }
    for call in 0.. {
        if drain(client, call.to_string()).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn drain(client: &Client, request_id: String) -> Result<usize> {
    let request = DequeueRequest {
        queues: vec![QUEUE.into()],
        max: u32::try_from(BATCH)?,
        wait_ms: 0,
        lease_ms: None,
        session: session(),
        request_id,
    };
    let leased = client.dequeue(request).await?;
    let completion = |message: timestone::LeasedMessage| Completion {
        token: message.token,
        then_enqueue: Vec::new(),
    };
    let completions: Vec<_> = leased.into_iter().map(completion).collect();
    let taken = completions.len();
    if taken > 0 {
        client.complete(completions).await?;
    }
    Ok(taken)
}

pub fn session() -> Session {
    Session {
        owner: "bench".into(),
        boot: "1".into(),
    }
}
