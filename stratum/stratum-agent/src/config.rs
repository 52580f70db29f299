use std::path::PathBuf;
use std::sync::Arc;

use sources::Remote;
use stratum_init::Containers;

/// How an agent works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Stable name of the agent: a new start under the same name takes back what
    /// an earlier one had leased.
    pub name: String,
    /// Processors to give away. Shapes are charged against them.
    pub cpus: u32,
    /// Bytes of memory to give away.
    pub memory: u64,
    /// Lease of one delivery in milliseconds, renewed at a third of it; `None` = the queue's.
    pub lease_ms: Option<u64>,
    /// Directories below which sources may lie; `None` = anywhere.
    pub source_roots: Option<Vec<PathBuf>>,
    /// Servers that sources may come from.
    pub remote: Remote,
    /// Bytes of memory for each source of a server, besides those that are given away.
    pub source_memory: u64,
    /// Whether what a function said is kept when it went well too; of failures it always is.
    pub keep_logs: bool,
    /// What runs the functions that have an image; `None` = there may be none.
    pub containers: Option<Arc<dyn Containers>>,
}

impl Config {
    /// An agent that gives away `cpus` processors and `memory` bytes.
    pub fn new(name: impl Into<String>, cpus: u32, memory: u64) -> Self {
        Self {
            name: name.into(),
            cpus,
            memory,
            lease_ms: None,
            source_roots: None,
            remote: Remote::default(),
            source_memory: stratum_sources::limits::MEMORY,
            keep_logs: false,
            containers: None,
        }
    }
}
