//! What bounds the reading of one source.

/// Bytes that are fetched and kept together.
pub const BLOCK: u64 = 128 << 10;
/// Bytes of blocks that are kept or on their way, where the configuration says nothing. Beside
/// them there is only what connections are just receiving.
pub const MEMORY: u64 = 64 << 20;
/// The least of it: a reader needs a few blocks.
pub const LEAST_MEMORY: u64 = 4 << 20;
/// Bytes fetched ahead of a reader that has just begun to read on.
pub const FIRST_WINDOW: u64 = 256 << 10;
/// The most bytes fetched ahead of one reader.
pub const WINDOW: u64 = 32 << 20;
/// Bytes of one request for what is not waited for yet.
pub const REQUEST: u64 = 4 << 20;
/// Requests for it at the same time.
pub const REQUESTS: usize = 8;
/// Readers that are told apart.
pub const STREAMS: usize = 16;
/// A reader that skips, or comes back, no more than this is still reading on.
pub const SLACK: u64 = 1 << 20;
/// Sources that stay open when nobody reads them.
pub const KEPT: usize = 4;
