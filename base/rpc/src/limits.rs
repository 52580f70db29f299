//! Every cap of the RPC kit, on one page.

use std::time::Duration;

/// The body of a request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 24 << 20;
/// The body of an answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 32 << 20;
/// Calls on their way at once over one channel; more wait their turn.
pub const MAX_CALLS: usize = 1_024;
/// How long a call may take when the caller says nothing.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time a caller may ask a server to take.
pub const MAX_CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// How long it may take to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent server is asked for a sign of life after this time, and given up
/// after as much again.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long calls under way may take to end when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Errors told in one answer.
pub const MAX_ERRORS: usize = 64;
