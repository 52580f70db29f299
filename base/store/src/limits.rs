//! What every store takes, so that no caller depends on the engine below.

use crate::{Batch, Op, StoreError};

/// The longest shard or owner name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// The longest key, in bytes: what fits an index page of every engine.
pub const MAX_KEY_BYTES: usize = 2_048;
/// The most keys and values of one batch, in bytes.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// Checks the name of a shard or of an owner.
pub fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    match name {
        "" => Err(invalid(format!("the {what} name is empty"))),
        _ if name.len() > MAX_NAME_BYTES => Err(invalid(format!(
            "a {what} name of {} bytes, over {MAX_NAME_BYTES}",
            name.len()
        ))),
        _ if name.contains('\0') => Err(invalid(format!("the {what} name holds a zero byte"))),
        _ => Ok(()),
    }
}

/// Checks the keys and the size of a batch.
pub fn check_batch(batch: &Batch) -> Result<(), StoreError> {
    batch
        .ops()
        .iter()
        .map(Op::key)
        .try_for_each(|key| check_key(key))?;
    match batch.bytes() {
        bytes if bytes > MAX_BATCH_BYTES => Err(invalid(format!(
            "a batch of {bytes} bytes, over {MAX_BATCH_BYTES}; split it"
        ))),
        _ => Ok(()),
    }
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    match key.len() {
        bytes if bytes > MAX_KEY_BYTES => Err(invalid(format!(
            "a key of {bytes} bytes, over {MAX_KEY_BYTES}"
        ))),
        _ => Ok(()),
    }
}

fn invalid(why: String) -> StoreError {
    StoreError::Invalid(why.into())
}
