use std::fmt;

use crate::{PoolId, Resources};

/// Names a task; the caller's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// How much a task matters. A higher class goes first; within a class, the earlier deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody waits for it.
    Critical,
    /// Before the usual.
    Preferred,
    /// The usual.
    Normal,
    /// Cheaper: runs on what is left over, may wait, and gives way to all others.
    Opportunistic,
}

/// A request for a part of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    /// A pool without pools below it.
    pub pool: PoolId,
    pub class: Class,
    /// When it should have ended, in Unix milliseconds; `None` = after all that have a deadline.
    pub deadline: Option<u64>,
    /// When it began to wait, in Unix milliseconds.
    pub since: u64,
    pub demand: Resources,
}

/// How long a task of each class may be overtaken by others, in milliseconds. After that it is
/// *overdue*: it goes before every class, the longest overdue first, and a host is kept free for
/// it where none has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub critical: u64,
    pub preferred: u64,
    pub normal: u64,
    pub opportunistic: u64,
}

impl Class {
    /// From the highest to the lowest.
    pub const ALL: [Self; 4] = [
        Self::Critical,
        Self::Preferred,
        Self::Normal,
        Self::Opportunistic,
    ];

    /// Whether it may take the place of `other`.
    pub fn is_above(self, other: Self) -> bool {
        self < other
    }
}

impl Patience {
    /// That of `class`.
    pub fn of(&self, class: Class) -> u64 {
        match class {
            Class::Critical => self.critical,
            Class::Preferred => self.preferred,
            Class::Normal => self.normal,
            Class::Opportunistic => self.opportunistic,
        }
    }
}

/// 5 minutes, half an hour, 2 hours, 12 hours.
impl Default for Patience {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        Self {
            critical: 5 * MINUTE,
            preferred: 30 * MINUTE,
            normal: 120 * MINUTE,
            opportunistic: 720 * MINUTE,
        }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Preferred => "preferred",
            Self::Normal => "normal",
            Self::Opportunistic => "opportunistic",
        })
    }
}
