//! What was decided, and why, in a sentence.

use std::fmt;
use std::sync::Arc;

use crate::{HostId, Resources, TaskId};

/// One thing to do. They are to be done in the order in which they were decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Start(Start),
    Preempt(Preempt),
    Keep(Keep),
}

/// A task begins on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub task: TaskId,
    pub host: HostId,
    pub host_name: Arc<str>,
    pub capacity: Resources,
    /// What is left on the host after it.
    pub left: Resources,
    pub choice: Choice,
}

/// Why a task begins on this host and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Least is left over there, among so many with different room.
    BestFit { among: usize },
    /// One of so many that were packed together.
    Packed { tasks: usize },
    /// The host was kept free for it.
    Kept,
    /// So many gave way to it.
    Preempting { tasks: usize },
}

/// A task stops and waits again, with the age that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preempt {
    pub task: TaskId,
    pub host: HostId,
    pub host_name: Arc<str>,
    /// What takes its place.
    pub by: TaskId,
    pub cause: Cause,
    /// For how long it had run, in milliseconds: that is lost.
    pub lost_ms: u64,
}

/// Why a task may take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is of a higher class.
    Class,
    /// The other ran on what is reserved for its pool.
    Reserve,
}

/// Nothing else begins on a host until an overdue task has room on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    pub host: HostId,
    pub host_name: Arc<str>,
    pub task: TaskId,
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On a host, since a time in Unix milliseconds.
    Running { host_name: Arc<str>, since: u64 },
    /// Behind so many of its pool.
    Waiting { why: Why, ahead: usize },
}

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No host is large enough, even when nothing runs on it.
    TooLarge {
        demand: Resources,
        largest: Resources,
    },
    /// The pool, or one above it, uses as much as it may.
    PoolFull { pool: String },
    /// Enough may be free altogether, but not on one host.
    NoRoom { demand: Resources, free: Resources },
    /// A host is kept free for it.
    Kept { host_name: Arc<str> },
    /// There is room: its turn comes with the next round.
    NextRound,
}

impl Decision {
    /// The task that it is about.
    pub fn task(&self) -> TaskId {
        match self {
            Self::Start(start) => start.task,
            Self::Preempt(preempt) => preempt.task,
            Self::Keep(keep) => keep.task,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(start) => start.fmt(f),
            Self::Preempt(preempt) => preempt.fmt(f),
            Self::Keep(keep) => keep.fmt(f),
        }
    }
}

/// "host h7: 2 of 8 CPUs left after; best fit among 3"
impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, all) = (self.left.cpus, self.capacity.cpus);
        let host = &self.host_name;
        write!(f, "host {host}: {left} of {all} CPUs left after; ")?;
        match self.choice {
            Choice::BestFit { among } => write!(f, "best fit among {among}"),
            Choice::Packed { tasks } => write!(f, "packed together with {}", others(tasks)),
            Choice::Kept => write!(f, "it was kept free for this"),
            Choice::Preempting { tasks } => write!(f, "{tasks} gave way"),
        }
    }
}

fn others(tasks: usize) -> String {
    match tasks {
        0 | 1 => "no other".to_owned(),
        2 => "1 other".to_owned(),
        _ => format!("{} others", tasks - 1),
    }
}

/// "stops on host h7 for t12, which is of a higher class; 40 s are lost"
impl fmt::Display for Preempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.cause {
            Cause::Class => "which is of a higher class",
            Cause::Reserve => "whose pool wants back what it has reserved",
        };
        let (host, by, lost) = (&self.host_name, self.by, self.lost_ms / 1_000);
        write!(
            f,
            "stops on host {host} for {by}, {cause}; {lost} s are lost"
        )
    }
}

/// "host h7 is kept free for t12, which is overdue"
impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, task) = (&self.host_name, self.task);
        write!(f, "host {host} is kept free for {task}, which is overdue")
    }
}

/// "waits: pool studio full; 14 ahead"
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running { host_name, .. } => write!(f, "runs on host {host_name}"),
            Self::Waiting { why, ahead } => write!(f, "waits: {why}; {ahead} ahead"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { demand, largest } => write!(
                f,
                "no host is large enough for {demand}; together the largest have {largest}"
            ),
            Self::PoolFull { pool } => write!(f, "pool {pool} full"),
            Self::NoRoom { demand, free } => {
                write!(f, "no host has {demand} free; all together have {free}")
            }
            Self::Kept { host_name } => write!(f, "host {host_name} is kept free for it"),
            Self::NextRound => write!(f, "there is room, in its turn"),
        }
    }
}
