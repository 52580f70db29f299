//! Every bound of this room on one page.

/// Runs of a sample in a size, undisturbed, from which something may follow.
pub const LEAST_RUNS: usize = 3;
/// The slowest run may take so much longer than the fastest, in percent of the median …
pub const SPREAD_PERCENT: u64 = 20;
/// … or so many milliseconds: what starting and ending a program takes varies by itself.
pub const SPREAD_MS: u64 = 50;
/// Other programs may take so much of the machine's processors during a run, in percent.
pub const OTHERS_PERCENT: u64 = 10;
/// A shorter run, in milliseconds, is mostly its start.
pub const SHORT_MS: u64 = 200;
/// A function may take so much more processor time than its shape has, in percent: clocks tick.
pub const BEYOND_PERCENT: u64 = 25;
/// Samples, sizes of a grid, and runs of each.
pub const SAMPLES: usize = 32;
pub const SIZES: usize = 64;
pub const RUNS: usize = 100;
