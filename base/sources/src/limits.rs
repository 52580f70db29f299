//! What bounds the reading of sources of other machines.

use std::time::Duration;

/// Bytes of the URL of a source.
pub const URL_BYTES: usize = 4_096;
/// Bytes that one request asks for.
pub const REQUEST_BYTES: u64 = 8 << 20;
/// A server that says nothing for so long is asked anew, where the configuration says nothing.
pub const IDLE: Duration = Duration::from_secs(10);
/// Connections that are kept, unused, to one server.
pub const IDLE_CONNECTIONS: usize = 16;
/// Addresses of a server that are tried.
pub const ADDRESSES: usize = 4;
/// Faults in a row, without a byte between them, after which a server counts as unreachable.
pub const FAULTS: u32 = 10;
/// The pause after the first fault; it doubles with each.
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two requests for the same bytes.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);
