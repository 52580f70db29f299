//! Every cap of the workflow layer, on one page.

/// Nodes of one definition.
pub const MAX_NODES: usize = 1_000;
/// The name of a definition, node or function, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Elements of one map.
pub const MAX_ELEMENTS: u64 = 10_000_000;
/// Inline bytes of the result of one element of a map that has a task of its own.
pub const MAX_MAP_INLINE_BYTES: usize = 1 << 10;
/// Elements of a map that one task is given.
pub const MAX_BATCH: u32 = 1_000;
/// Inline bytes of any other value.
pub const MAX_INLINE_BYTES: usize = 16 << 10;
/// Blobs that one task's result may name.
pub const MAX_BLOBS: usize = 32;
/// Tasks of one node that may run, be prepared or wait for a retry at a time.
pub const DEFAULT_WINDOW: usize = 1_024;
/// Elements prepared by one command, unless one task has more.
pub const MAX_PREPARED: usize = 256;
/// A condition by which a node is passed over, in bytes.
pub const MAX_CONDITION_BYTES: usize = 1 << 10;
/// How long a timer may wait, in milliseconds: ten years.
pub const MAX_TIMER_MS: u64 = 3_653 * 86_400_000;
/// Times a workflow that has failed may be made to go on.
pub const MAX_WORKFLOW_RETRIES: u32 = 255;
/// Workflows that may be above one: each started by the one before it.
pub const MAX_DEPTH: u32 = 8;
/// Why somebody pauses or cancels a workflow, in characters.
pub const MAX_REASON_CHARS: usize = 200;
/// The id of a workflow, in bytes.
pub const MAX_WORKFLOW_ID_BYTES: usize = 255;
/// The message of an error that is kept, in bytes.
pub const MAX_ERROR_MESSAGE_BYTES: usize = 2 << 10;
/// Causes of an error that are kept, on each level.
pub const MAX_ERROR_CAUSES: usize = 8;
/// Levels of causes that are kept.
pub const MAX_ERROR_DEPTH: usize = 3;
/// What a function said in one try, where it is read, in bytes.
pub const MAX_LOG_BYTES: usize = 1 << 20;
/// The end of it that is told with a workflow that failed, in bytes.
pub const LOG_END_BYTES: usize = 4 << 10;
/// Logs of one answer, where nothing is said.
pub const LOGS: usize = 20;
/// And at most.
pub const MAX_LOGS: usize = 32;
/// Functions that a workflow is pinned to versions of.
pub const MAX_PINS: usize = 64;
/// Names and values of the attributes of a workflow, in bytes.
pub const MAX_ATTRIBUTES_BYTES: usize = 4 << 10;
/// Inputs and outputs that the owner of a group of workflows keeps in memory, in bytes.
pub const MAX_VALUES_BYTES: usize = 16 << 20;
