use std::collections::BTreeSet;
use std::fmt;

use crate::{Resources, TaskId};

/// A host by the order in which hosts were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) u32);

/// A machine that runs tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    /// All that it has to give.
    pub capacity: Resources,
}

/// A host with what runs on it.
#[derive(Clone, Debug)]
pub(crate) struct HostState {
    pub(crate) host: Host,
    pub(crate) free: Resources,
    pub(crate) running: BTreeSet<TaskId>,
    /// The overdue task that it is kept free for.
    pub(crate) kept_for: Option<TaskId>,
    pub(crate) is_gone: bool,
}

impl HostState {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            free: host.capacity,
            host,
            running: BTreeSet::new(),
            kept_for: None,
            is_gone: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether any task may be placed on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_gone && self.kept_for.is_none()
    }
}

impl HostId {
    /// Hosts are numbered from 0, as they were added.
    pub fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
