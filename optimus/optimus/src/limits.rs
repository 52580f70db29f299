//! Every cap of the API layer.

use std::time::Duration;

/// The most views of one page of a listing.
pub const MAX_PAGE_SIZE: u32 = 1_000;
/// The views of a page when none are asked for.
pub(crate) const DEFAULT_PAGE_SIZE: u32 = 100;
/// The longest single wait for the end of a request.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// Requests that may be under way.
pub(crate) const MAX_ACTIVE: usize = 100_000;
/// Those who may wait for or watch one request at a time.
pub(crate) const MAX_WATCHERS: usize = 1_000;
/// Commands that may wait for the owner.
pub(crate) const MAX_COMMANDS: usize = 1_024;
/// Commands that share one commit.
pub(crate) const MAX_BATCH: usize = 256;
/// Messages sent or received in one call.
pub(crate) const MAX_MESSAGES: usize = 64;
/// The longest encoded request, and the longest encoded input of its workflow: what a
/// message (32 KiB) holds with room for its envelope.
pub(crate) const MAX_REQUEST_BYTES: usize = 24 << 10;
/// The longest idempotency key, in bytes.
pub(crate) const MAX_KEY_BYTES: usize = 255;
/// The longest response, as JSON, that a call is answered with: what a value of the workflow
/// layer may hold.
pub(crate) const MAX_RESPONSE_BYTES: usize = 16 << 10;
/// The longest encoded error that a call is answered with.
pub(crate) const MAX_ERROR_BYTES: usize = 8 << 10;
/// Calls that are being taken at the same time.
pub(crate) const MAX_TAKING: usize = 32;
/// The pause before a call that could not be taken is given back or tried again.
pub(crate) const CALL_PAUSE: Duration = Duration::from_secs(1);
/// Calls that were canceled before they came, and are remembered.
pub(crate) const MAX_TOMBSTONES: usize = 10_000;
/// How long they are remembered: longer than a call may be on its way.
pub(crate) const CANCEL_RETENTION: Duration = Duration::from_secs(2 * 86_400);
/// Messages of progress that may wait to be sent; more are dropped.
pub(crate) const MAX_PROGRESS: usize = 256;
/// The longest reason of a cancellation that is kept, in characters.
pub(crate) const MAX_REASON_CHARS: usize = 500;

/// Requests whose results are brought to their place at the same time.
pub(crate) const MAX_FINISHING: usize = 4;
/// Tries to bring a result to its place.
pub(crate) const FINISH_TRIES: u32 = 6;

/// The longest pause between two tries of anything.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How long one call waits for the next event.
pub(crate) const EVENT_WAIT: Duration = Duration::from_secs(20);
/// How long a message to the workflow layer stays worth sending: well below the
/// retention by which queues tell repeated messages apart.
pub(crate) const SEND_WITHIN: Duration = Duration::from_secs(12 * 3_600);
