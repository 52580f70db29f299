//! Commits whose content is known from their number, and the check that a store
//! holds exactly those it must.
//!
//! Each of a few lanes commits 1, 2, 3 … one after the other, while the lanes run
//! side by side, so that commits meet in one sync. Commit `i` of a lane
//!
//! * adds a body and its mark (two keys, so that half a commit would show),
//! * sets the lane's counter to `i`,
//! * removes body and mark of commit `i - WINDOW`.
//!
//! So the counter alone says what the whole lane must look like.

mod check;
mod facts;
mod write;

pub use check::check;
pub use facts::{Facts, LANES};
pub use write::write;

use std::time::Duration;

use bytes::Bytes;

use crate::Random;

/// How many commits of a lane are kept.
const WINDOW: u64 = 40;
/// The shards the lanes are spread over.
const SHARDS: [&str; 2] = ["even", "odd"];

/// Whoever opens the store next has the same name, so that it need not wait.
const OWNER: &str = "writer";
/// Longer than any round.
const TTL: Duration = Duration::from_secs(3_600);

fn shard_of(lane: u64) -> &'static str {
    SHARDS[(lane % 2) as usize]
}

fn counter_key(lane: u64) -> String {
    format!("{lane}/counter")
}

fn body_key(lane: u64, commit: u64) -> String {
    format!("{lane}/body/{commit:016x}")
}

fn mark_key(lane: u64, commit: u64) -> String {
    format!("{lane}/mark/{commit:016x}")
}

/// The body of a commit: mostly small, now and then of many pages.
fn body(seed: u64, lane: u64, commit: u64) -> Bytes {
    let mut random = Random::new(&[seed, lane, commit]);
    let longest = if random.one_in(16) { 40_000 } else { 2_000 };
    let length = 50 + random.below(longest) as usize;
    let mut body = Vec::with_capacity(length + 8);
    while body.len() < length {
        body.extend_from_slice(&random.draw().to_be_bytes());
    }
    body.into()
}

/// A mark that only this body has.
fn mark(seed: u64, lane: u64, commit: u64) -> Bytes {
    format!("{seed} {lane} {commit}").into()
}
