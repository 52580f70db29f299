//! What a process keeps in memory.

use std::fs;

use anyhow::{Context, Result};

/// The largest resident set that `process` has had, in bytes.
pub fn peak(process: u32) -> Result<u64> {
    field(process, "VmHWM:")
}

/// The resident set of `process` now, in bytes.
pub fn resident(process: u32) -> Result<u64> {
    field(process, "VmRSS:")
}

fn field(process: u32, name: &str) -> Result<u64> {
    let file = format!("/proc/{process}/status");
    let status = fs::read_to_string(&file).with_context(|| file.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context(file)?.parse()?;
    Ok(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_some_memory() {
        let process = std::process::id();
        // In this order, as it may grow meanwhile.
        let (now, peak) = (resident(process).unwrap(), peak(process).unwrap());
        assert!(now > 1 << 16 && peak >= now, "{now} {peak}");
    }
}
