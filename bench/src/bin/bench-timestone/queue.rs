//! What is asked of every queue that is measured.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;

/// Priorities that messages are spread over.
pub const PRIORITIES: u64 = 100;
/// A prime that spreads consecutive messages over them.
const STRIDE: u64 = 7_919;
/// Bytes of a message.
pub const PAYLOAD_BYTES: usize = 1 << 10;

/// A message as every queue takes it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Unique in this process.
    pub number: u64,
    /// Below [`PRIORITIES`]; lower is more urgent.
    pub priority: u64,
    pub payload: Bytes,
}

impl Message {
    /// The next message.
    pub fn next() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self {
            number,
            priority: number * STRIDE % PRIORITIES,
            payload: Bytes::from_static(&[b'x'; PAYLOAD_BYTES]),
        }
    }
}

/// The parts of a measurement, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Idle pick-up and what gets everything going.
    Before,
    Enqueue,
    LeaseComplete,
    Batches,
}

/// A queue that is measured. Dropped, it is gone with all its files.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Opens `clients` connections, in whatever way this queue is to be used.
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>>;

    /// The first process of the server; `None` when it lives in this one.
    fn process(&self) -> Option<u32>;

    /// The program's own word for its version.
    fn version(&self) -> String;

    /// Whether one call takes many messages.
    fn has_batches(&self) -> bool {
        false
    }

    /// Whether a worker can wait for a message without asking again and again.
    fn can_wait(&self) -> bool {
        true
    }

    /// Told when a part of the measurement begins.
    fn begin(&self, _phase: Phase) {}
}

/// One client of a queue. Whatever is acknowledged has been synced.
#[async_trait]
pub trait Connection: Send {
    /// Adds `messages` in one call.
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()>;

    /// Leases up to `max` messages in one call, most urgent first, waiting for the first;
    /// how many. They are kept until they are completed.
    async fn lease(&mut self, max: usize) -> Result<usize>;

    /// Completes what was leased, in one call.
    async fn complete(&mut self) -> Result<()>;
}
