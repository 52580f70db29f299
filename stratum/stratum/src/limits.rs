//! Every bound of this room on one page. Sizes are bytes.

use std::time::Duration;

/// A `function.yaml`.
pub const FUNCTION_YAML: usize = 64 * 1024;
/// The manifest of a function's package.
pub const MANIFEST: u64 = 128 * 1024;
/// Published versions of functions that an agent keeps at hand, those aside that run.
pub const FETCHED: usize = 64;
/// Shapes, rules, tools, environment variables or arguments of one function.
pub const FUNCTION_ITEMS: usize = 64;
/// A routing condition.
pub const CONDITION: usize = 1024;
/// The longest that one invocation may be allowed to take.
pub const TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most invocations of a function at once that can be asked for.
pub const CONCURRENCY: u32 = 1_024;
/// Inputs of one invocation.
pub const INPUTS: usize = 64;
/// Files that a list input may become.
pub const LIST_FILES: u64 = 200_000;
/// Parameters of one invocation.
pub const PARAMETERS: usize = 24 * 1024;
/// `output/result.json`.
pub const RESULT: u64 = 16 * 1024;
/// One line of `output/elements.ndjson`.
pub const ELEMENT: usize = 1024;
/// Lines of `output/elements.ndjson`.
pub const ELEMENTS: usize = 1_000_000;
/// `output/error.json`.
pub const ERROR_JSON: u64 = 64 * 1024;
/// Files below `output/`.
pub const OUTPUTS: usize = 64;
/// What is kept of each of standard output and standard error.
pub const LOG: u64 = 256 * 1024;
