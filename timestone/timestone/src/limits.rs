//! Every cap of the queue, on one page.

/// Encoded payload of a message, in bytes; more goes to the blob store, by reference.
pub const MAX_PAYLOAD_BYTES: usize = 32 << 10;
/// Metadata pairs of a message.
pub const MAX_METADATA_PAIRS: usize = 4;
/// A metadata key, in bytes.
pub const MAX_METADATA_KEY_BYTES: usize = 64;
/// A metadata value, in bytes.
pub const MAX_METADATA_VALUE_BYTES: usize = 256;
/// The name of a queue, in bytes.
pub const MAX_QUEUE_NAME_BYTES: usize = 255;
/// The id of a message, in bytes.
pub const MAX_ID_BYTES: usize = 512;
/// The id of a message that the queue derives from another's, in bytes.
pub const MAX_DERIVED_ID_BYTES: usize = MAX_ID_BYTES + MAX_QUEUE_NAME_BYTES + 32;
/// The owner and the boot of a session, and a request id, in bytes each.
pub const MAX_SESSION_BYTES: usize = 255;
/// The reason of a cancellation and an encoded error, in bytes.
pub const MAX_REASON_BYTES: usize = 1 << 10;
/// An encoded error kept with a message, in bytes.
pub const MAX_ERROR_BYTES: usize = 16 << 10;
/// Items of one call.
pub const MAX_BATCH: usize = 1_024;
/// Messages handed on by one completion or failure.
pub const MAX_THEN_ENQUEUE: usize = 256;
/// More urgent messages that one of a queue in several shards may overtake, beside those
/// that are leased with it.
pub const MAX_OVERTAKEN: usize = 64;
/// Queues of one dequeue.
pub const MAX_DEQUEUE_QUEUES: usize = 64;
/// Wait of one dequeue, in milliseconds.
pub const MAX_WAIT_MS: u64 = 60_000;
/// The shortest lease of a delivery, in milliseconds.
pub const MIN_LEASE_MS: u64 = 100;
/// The longest lease of a delivery, in milliseconds: a day.
pub const MAX_LEASE_MS: u64 = 86_400_000;
/// Invisibility, retry delay and retention, in milliseconds: a year.
pub const MAX_DELAY_MS: u64 = 366 * 86_400_000;
/// Deliveries allowed.
pub const MAX_ATTEMPTS: u32 = 1_000_000;
/// Metadata keys of a queue by which messages are found.
pub const MAX_INDEXED_KEYS: usize = 4;
/// Turns of a tenant for each turn of one of weight 1.
pub const MAX_WEIGHT: u32 = 1_000;
/// Tenants of a queue that have a weight.
pub const MAX_WEIGHTS: usize = 256;
/// Shards that one queue may be spread over.
pub const MAX_PARTITIONS: u32 = 16;
/// Messages of a queue that may still be indexed or shared out in another way.
pub const MAX_REARRANGED: u64 = 100_000;
/// Clauses of a filter.
pub const MAX_CLAUSES: usize = 4;
/// Values of one clause of a filter.
pub const MAX_CLAUSE_VALUES: usize = 64;
/// Messages that one page of a search looks at.
pub const MAX_SCAN: usize = 10_000;
/// Messages or queues on one page.
pub const MAX_PAGE: u32 = 1_000;
/// Messages of a shard that have ended, and left nothing but what they are recognised by, that
/// are remembered whatever the retention of their queues.
pub const MAX_REMEMBERED: usize = 1_000_000;
/// Queues of one shard.
pub const MAX_QUEUES: usize = 100_000;
/// Messages ended by time or collected in one step.
pub const MAX_TICK: usize = 1_024;
/// Payloads in the answer to one dequeue, or errors on one page, in bytes.
pub const MAX_DEQUEUE_BYTES: usize = 4 << 20;
/// Payloads kept in memory beside the store, unless told otherwise, in bytes.
pub const DEFAULT_RECENT_BYTES: usize = 64 << 20;
/// Calls that wait for their answers at a time over one exchange.
pub const MAX_EXCHANGED: usize = 1_024;
/// A call over an exchange, in bytes; a larger one, made alone, does not hold up others.
pub const MAX_EXCHANGED_BYTES: usize = 256 << 10;
/// Payloads of one call, in bytes.
pub const MAX_CALL_BYTES: usize = 16 << 20;
