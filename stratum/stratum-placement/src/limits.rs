//! Every bound of this crate on one page.

/// The most of one resource that a host, a task or a pool may name: sums over all hosts and tasks
/// then stay far below 2^64.
pub const AMOUNT: u64 = 1 << 40;
/// Hosts of a cluster.
pub const HOSTS: usize = 100_000;
/// Tasks that wait or run.
pub const TASKS: usize = 4_000_000;
/// Pools.
pub const POOLS: usize = 256;
/// Pools above one another, the root included.
pub const POOL_DEPTH: usize = 8;
/// The weight of a pool.
pub const WEIGHT: u32 = 1_000_000;
/// The longest that a class may be patient, in milliseconds: a year.
pub const PATIENCE_MS: u64 = 365 * 86_400_000;
/// Tasks that are packed together.
pub(crate) const BATCH: usize = 8_192;
/// Fewer tasks are placed one by one: a plan looks at every host.
pub(crate) const PLANNED: usize = 32;
/// Different demands that are packed together; where there are more, tasks are placed one by one.
pub(crate) const PLANNED_DEMANDS: usize = 64;
/// Hosts with room that are compared for one task.
pub(crate) const COMPARED: usize = 64;
/// Tasks that may take the place of others in one round.
pub(crate) const PREEMPTIONS: usize = 256;
/// How often a task is preempted for its class; after that it runs to its end.
pub const PREEMPTED: u32 = 3;
/// One in so many hosts may be kept free for tasks that are overdue, and at least one.
pub(crate) const KEPT: usize = 8;
/// Plans that are tried again with other weights.
pub(crate) const PASSES: usize = 30;
/// How much more urgent one demand becomes than another.
pub(crate) const URGENCY: u64 = 1 << 30;
/// Combinations that are tried for one host.
pub(crate) const COMBINATIONS: u32 = 3_000;
/// Doublings of the pause after a launch that failed, from two seconds on: at most 8.5 minutes.
pub(crate) const PAUSES: u32 = 9;
