//! Who decides what runs where, and how many.

mod jobs;
mod ours;

use std::fmt;
use std::str::FromStr;

use stratum_placement::Invalid;

use self::jobs::{Jobs, Rule};
use self::ours::Ours;
use crate::Mix;

/// How a cluster is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The placement and scaling of Stratum: the very code.
    Stratum,
    /// A job for each invocation, as KEDA's ScaledJob with strategy `accurate` launches them,
    /// polling every 30 seconds; in the order of launch onto the host of which most is free, as
    /// kube-scheduler does by default.
    JobsSpread,
    /// As before, onto the host of which least is free (MostAllocated).
    JobsMostAllocated,
    /// As before, onto the first host with room.
    JobsFirstFit,
}

/// What a policy wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A worker of a queue starts on a host.
    Start {
        worker: u64,
        queue: usize,
        host: usize,
    },
    /// A worker that has nothing to do ends.
    Stop { worker: u64 },
    /// A worker ends, and what it works on waits again.
    Preempt { worker: u64 },
}

/// A policy at work: it is told what happens, and says what is to be done. Times are milliseconds.
pub(crate) trait Scheduler {
    fn arrived(&mut self, queue: usize, deadline: u64, now: u64);
    fn ready(&mut self, worker: u64, now: u64);
    fn taken(&mut self, worker: u64, deadline: u64);
    fn ended(&mut self, worker: u64, deadline: u64, took: u64, now: u64);
    /// Whether a worker takes one invocation after the other, and waits for more.
    fn keeps_workers(&self) -> bool;
    /// A worker that is not kept has nothing more to do.
    fn left(&mut self, worker: u64);
    fn decide(&mut self, now: u64) -> Vec<Act>;
}

impl Policy {
    /// All of them, ours first.
    pub const ALL: [Self; 4] = [
        Self::Stratum,
        Self::JobsSpread,
        Self::JobsMostAllocated,
        Self::JobsFirstFit,
    ];

    pub(crate) fn scheduler(self, mix: &Mix, hosts: usize) -> Result<Box<dyn Scheduler>, Invalid> {
        let rule = match self {
            Self::Stratum => return Ok(Box::new(Ours::new(mix, hosts)?)),
            Self::JobsSpread => Rule::LeastAllocated,
            Self::JobsMostAllocated => Rule::MostAllocated,
            Self::JobsFirstFit => Rule::FirstFit,
        };
        Ok(Box::new(Jobs::new(mix, hosts, rule)))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stratum => "stratum",
            Self::JobsSpread => "jobs-spread",
            Self::JobsMostAllocated => "jobs-most-allocated",
            Self::JobsFirstFit => "jobs-first-fit",
        })
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL
            .into_iter()
            .find(|policy| policy.to_string() == name);
        let names = Self::ALL.map(|policy| policy.to_string()).join(", ");
        named.ok_or_else(|| format!("there is no policy `{name}`; there are {names}"))
    }
}
