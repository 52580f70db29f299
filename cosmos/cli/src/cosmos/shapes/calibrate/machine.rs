//! What this machine has, and who uses it.

use std::fs;

/// Milliseconds of a tick, in which the kernel tells processor time: hundredths of a second on
/// every architecture that is still built.
const TICK_MS: u64 = 10;

/// Processors and megabytes of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) cpus: u32,
    pub(super) memory_mb: u64,
}

impl Machine {
    pub(super) fn here() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
        let memory = fs::read_to_string("/proc/meminfo").ok();
        Self {
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            // Where nobody says, whoever asks is believed.
            memory_mb: memory.and_then(|text| total_mb(&text)).unwrap_or(u64::MAX),
        }
    }
}

/// "MemTotal:       24630444 kB", in megabytes of 10^6 bytes.
fn total_mb(meminfo: &str) -> Option<u64> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024 / 1_000_000)
}

/// Processor time until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy {
    /// Of all processors together, in milliseconds.
    all_ms: u64,
    /// Of this process.
    own_ms: u64,
}

impl Busy {
    /// Nothing where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        let (all, own) = ("/proc/stat", "/proc/self/stat");
        Some(Self {
            all_ms: all_ms(&fs::read_to_string(all).ok()?)?,
            own_ms: own_ms(&fs::read_to_string(own).ok()?)?,
        })
    }

    /// What neither this process nor a function that took `function_ms` has used since `then`.
    pub(super) fn others_since(self, then: Self, function_ms: u64) -> u64 {
        let all = self.all_ms.saturating_sub(then.all_ms);
        let own = self.own_ms.saturating_sub(then.own_ms);
        all.saturating_sub(own).saturating_sub(function_ms)
    }
}

/// "cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …": all but the two in which it waits.
fn all_ms(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks = line.split_whitespace().take(8).enumerate();
    let busy = ticks.filter(|(n, _)| !(3..=4).contains(n));
    let ticks: Result<Vec<u64>, _> = busy.map(|(_, ticks)| ticks.parse::<u64>()).collect();
    Some(ticks.ok()?.iter().sum::<u64>() * TICK_MS)
}

/// "PID (COMMAND) STATE …": the command may hold anything; its own time is the 14th and 15th.
fn own_ms(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some((next()? + next()?) * TICK_MS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_system_tells_is_understood() {
        assert_eq!(
            total_mb("MemFree: 1 kB\nMemTotal:  2000000 kB\n"),
            Some(2_048)
        );
        let stat = "cpu  10 1 5 1000 1000 2 3 4 9 9\ncpu0 1\n";
        assert_eq!(all_ms(stat), Some(250));
        let own = "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 30 12 99 99 20 0";
        assert_eq!(own_ms(own), Some(420));
        for odd in ["", "cpu", "cpu a b", "1 (x"] {
            assert_eq!((all_ms(odd).unwrap_or(0), own_ms(odd)), (0, None), "{odd}");
        }
    }

    #[test]
    fn this_machine_tells() {
        let machine = Machine::here();
        assert!(machine.cpus > 0 && machine.memory_mb > 0);
        let then = Busy::now().unwrap();
        let now = Busy::now().unwrap();
        assert!(now.all_ms >= then.all_ms && now.own_ms >= then.own_ms);
    }

    #[test]
    fn others_are_what_is_left_over() {
        let then = Busy {
            all_ms: 1_000,
            own_ms: 100,
        };
        let now = Busy {
            all_ms: 3_000,
            own_ms: 200,
        };
        assert_eq!(now.others_since(then, 1_500), 400);
        assert_eq!(now.others_since(then, 5_000), 0);
    }
}
