//! Limits as the kernel knows them. Memory and processes are also watched, see `watch`.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stratum_init::Limits;

pub(crate) type Resources = Vec<(&'static str, Resource, u64)>;

/// A process may leap past the watched limit between two looks, by as much again and this.
const LEAP: u64 = 512 << 20;

pub(super) fn resources(limits: &Limits) -> Resources {
    let data = limits
        .memory
        .map(|m| m.saturating_mul(2).saturating_add(LEAP));
    let wanted = [
        ("memory", Resource::Data, data),
        ("file size", Resource::Fsize, limits.file_size),
        ("open files", Resource::Nofile, limits.open_files),
        ("CPU time", Resource::Cpu, limits.cpu.map(whole_seconds)),
        ("core size", Resource::Core, Some(0)),
    ];
    wanted
        .into_iter()
        .filter_map(|(name, resource, value)| Some((name, resource, value?)))
        .collect()
}

pub(super) fn apply(resources: &Resources) -> Result<(), String> {
    for (name, resource, value) in resources {
        // Within another sandbox, the limit already in force may be the lower one.
        let ceiling = getrlimit(*resource).maximum.unwrap_or(u64::MAX);
        let both = Rlimit {
            current: Some(ceiling.min(*value)),
            maximum: Some(ceiling.min(hard(*resource, *value))),
        };
        setrlimit(*resource, both).map_err(|e| format!("limit on {name} of {value}: {e}"))?;
    }
    Ok(())
}

/// The soft CPU limit ends a process with a signal of its own, which tells the reason; the hard
/// one, a second later, is for those that ignore it.
fn hard(resource: Resource, value: u64) -> u64 {
    match resource {
        Resource::Cpu => value.saturating_add(1),
        _ => value,
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
