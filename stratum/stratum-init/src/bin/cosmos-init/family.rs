//! All processes that descend from the command, wherever they went.
//!
//! `cosmos-init` is their subreaper: one whose parent dies becomes its own child. So walking down
//! from its own children finds all of them, also those that left the process group.

use std::fs;

use rustix::io::Errno;
use rustix::param::page_size;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group,
    set_child_subreaper, setsid, wait,
};

/// What a look at the family saw.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sight {
    pub(crate) processes: u64,
    /// Resident bytes, summed; pages shared between processes count for each.
    pub(crate) memory: u64,
}

/// Leaves the host's session (its Ctrl-C is not for us) and adopts all orphans below.
pub(crate) fn become_reaper() -> Result<(), String> {
    // The first process of a container leads its session already. Which session others are in
    // cannot be asked: one that began outside of their process namespace has no number there.
    if !is_first() {
        setsid().map_err(|e| format!("setsid: {e}"))?;
    }
    set_child_subreaper(Some(getpid())).map_err(|e| format!("PR_SET_CHILD_SUBREAPER: {e}"))?;
    children(getpid())
        .map(drop)
        .ok_or_else(|| "/proc/<pid>/task/<tid>/children is not readable; the kernel needs CONFIG_PROC_CHILDREN and /proc mounted".into())
}

pub(crate) fn look() -> Sight {
    let family = descendants();
    Sight {
        processes: family.len() as u64,
        memory: family.iter().map(|pid| resident(*pid)).sum(),
    }
}

/// Kills until nobody is left, and collects everyone. `ended` learns how each ended.
pub(crate) fn end(group: Pid, mut ended: impl FnMut(Pid, WaitStatus)) {
    loop {
        match is_first() {
            true => kill_everybody(),
            false => kill_descendants(group),
        }
        // All own children have been sent the signal, so one of them ends. What it leaves behind
        // becomes an own child and is met in the next round.
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => ended(pid, status),
            Err(Errno::INTR) | Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// Whether we are the first process of a container, where all others are the command's.
pub(crate) fn is_first() -> bool {
    getpid() == Pid::INIT
}

/// At once, so that nobody forks faster than we look.
fn kill_everybody() {
    // SAFETY: a system call without pointers. An error means that nobody is there.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

fn kill_descendants(group: Pid) {
    // Errors mean that it has already gone.
    let _ = kill_process_group(group, Signal::KILL);
    for pid in descendants() {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Collects who has ended, without waiting.
pub(crate) fn reap(mut ended: impl FnMut(Pid, WaitStatus)) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        ended(pid, status);
    }
}

/// A process may fork while we walk: the next look, or the next round of `end`, sees it.
fn descendants() -> Vec<Pid> {
    let mut all = children(getpid()).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let below = children(*pid).unwrap_or_default();
        all.extend(below);
        next += 1;
    }
    all
}

/// The children of all threads of a process; `None` when it has gone.
fn children(pid: Pid) -> Option<Vec<Pid>> {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).ok()?;
    let lists = tasks
        .flatten()
        .map(|task| fs::read_to_string(task.path().join("children")));
    let mut all = Vec::new();
    for list in lists {
        all.extend(list.ok()?.split_whitespace().filter_map(parse_pid));
    }
    Some(all)
}

fn parse_pid(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

fn resident(pid: Pid) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero()));
    let pages = statm
        .ok()
        .and_then(|s| s.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * page_size() as u64
}
