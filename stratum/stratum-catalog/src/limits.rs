//! Every bound of this room on one page.

use std::time::Duration;

/// Versions of one function; others must be removed first.
pub const VERSIONS: usize = 64;
/// Channels of one function.
pub const CHANNELS: usize = 16;
/// What a channel named before, to roll back to; the oldest is forgotten.
pub const EARLIER: usize = 16;
/// Functions that have published versions.
pub const FUNCTIONS: usize = 1_024;
/// The name of a channel, in bytes.
pub const CHANNEL_NAME: usize = 63;
/// Digits of a digest that name a version, at least.
pub const DIGITS: usize = 6;
/// How long a change may take before another process may make one.
pub const OWNERSHIP: Duration = Duration::from_secs(10);
