//! The clips of the proofs, and the frames in them.

use std::path::Path;

use anyhow::{Result, ensure};

/// Demands that two files decode to the same frames, in the same order.
pub fn same_frames(source: &Path, encoded: &Path) -> Result<usize> {
    let (expected, found) = (corpus::framemd5(source)?, corpus::framemd5(encoded)?);
    ensure!(
        expected.len() == found.len(),
        "{} frames became {}",
        expected.len(),
        found.len()
    );
    let first = expected
        .iter()
        .zip(&found)
        .position(|(left, right)| left != right);
    ensure!(first.is_none(), "frame {first:?} differs");
    Ok(found.len())
}
