//! Every bound of this crate on one page.

/// Processors of a simulated cluster.
pub const CORES: std::ops::RangeInclusive<u64> = 16..=100_000;
/// Simulated hours.
pub const HOURS: std::ops::RangeInclusive<u64> = 1..=168;
/// Queues of a mix.
pub const QUEUES: usize = 64;
/// A mix in YAML, in bytes.
pub const YAML: usize = 256 * 1024;
/// Seconds between two samples of a run.
pub const SAMPLE_S: u64 = 300;
/// Invocations of a run: their times take some 50 bytes each.
pub const INVOCATIONS: usize = 50_000_000;
