//! Processor time of this process, and of a server with all that it started.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What /proc tells of a process, as far as it matters here.
#[derive(Clone, Copy)]
struct Stat {
    parent: u32,
    /// Of itself, and of those of its children that have ended and that it has waited for.
    ticks: u64,
}

/// Processor time of this process, to the microsecond.
pub fn of_self() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Processor time of the process `root`, of its descendants, and of those that they have
/// waited for; to the clock tick, which is 10 ms.
pub fn of_tree(root: u32) -> Result<Duration> {
    let stats = all()?;
    let tree = descend(root, &stats);
    let stats = tree.iter().filter_map(|process| stats.get(process));
    let ticks: u64 = stats.map(|stat| stat.ticks).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// The process `root` and its descendants.
pub fn tree(root: u32) -> Result<Vec<u32>> {
    Ok(descend(root, &all()?))
}

fn descend(root: u32, stats: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        let children = stats.iter().filter(|(_, stat)| stat.parent == parent);
        tree.extend(children.map(|(process, _)| process));
        next += 1;
    }
    tree
}

fn all() -> Result<HashMap<u32, Stat>> {
    let entries = fs::read_dir("/proc").context("/proc")?.flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // A process may end while we look.
    Ok(processes
        .filter_map(|process| Some((process, read(process)?)))
        .collect())
}

fn read(process: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The name of a program, in parentheses, may hold anything; fields count from behind it.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let number = |field: &&str| field.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks: fields.get(11..15)?.iter().filter_map(number).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_count_from_behind_the_name() {
        let line = "7 (a) b) S 3 7 7 0 -1 4194560 9 9 0 0 10 20 300 4000 20 0 1 0 55";
        let stat = parse(line).unwrap();
        assert_eq!((stat.parent, stat.ticks), (3, 4_330));
    }

    #[test]
    fn a_tree_holds_children_of_children_and_no_others() {
        let stat = |parent| Stat { parent, ticks: 0 };
        let stats = [(2, stat(1)), (3, stat(2)), (4, stat(3)), (5, stat(1))];
        let mut tree = descend(2, &stats.into());
        tree.sort_unstable();
        assert_eq!(tree, [2, 3, 4]);
    }
}
