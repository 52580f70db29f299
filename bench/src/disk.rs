//! Whether files reach a disk, and what that costs.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::stats::quantile;

/// File systems that keep files in memory alone: tmpfs, ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// Bytes of one write.
const WRITE: [u8; 512] = [7; 512];

/// What it costs to bring 512 bytes to stable storage, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fsync {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Refuses a folder whose files never reach a disk.
pub fn refuse_memory(folder: &Path) -> Result<()> {
    let kind = rustix::fs::statfs(folder)
        .with_context(|| folder.display().to_string())?
        .f_type;
    let kind = u64::try_from(kind).unwrap_or_default();
    ensure!(
        !IN_MEMORY.contains(&kind),
        "{} keeps files in memory: an fsync there reaches no disk; name a folder on a disk with --folder",
        folder.display()
    );
    Ok(())
}

/// Appends and syncs `times` times in a file of `folder`.
pub fn fsync_cost(folder: &Path, times: usize) -> Result<Fsync> {
    let mut file = tempfile::tempfile_in(folder)?;
    let cost = (0..times).map(|_| append(&mut file));
    let mut costs = cost.collect::<Result<Vec<_>>>()?;
    Ok(Fsync {
        p50_ms: quantile(&mut costs, 0.50).unwrap_or(f64::NAN),
        p99_ms: quantile(&mut costs, 0.99).unwrap_or(f64::NAN),
    })
}

fn append(file: &mut File) -> Result<f64> {
    let start = Instant::now();
    file.write_all(&WRITE)?;
    file.sync_data()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// What the process `process` has had the disk write so far, in bytes.
pub fn bytes_written(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/io");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let written = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    let written = written.with_context(|| format!("{path} does not tell what was written"))?;
    Ok(written.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_memory_is_refused() {
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.is_dir() {
            let error = refuse_memory(shared_memory).unwrap_err().to_string();
            assert!(error.contains("--folder"), "{error}");
        }
    }
}
