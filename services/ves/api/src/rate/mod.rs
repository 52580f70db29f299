//! How the bits of a whole file are shared out among chunks that are encoded apart, so that quality
//! is as even as if one encoder had seen the whole: pure functions of what a first pass tells.
//!
//! A first pass over each chunk, all at one rate factor, tells what the chunk [costs](Cost). One
//! [`Scale`] of the quantisers of all chunks makes the whole as large as is asked for; each chunk's
//! part of it is its budget. What encoders then miss is [set right](settle) at those chunks that miss
//! their budgets most.
//!
//! Where a decoder's buffer bounds what comes when, each chunk has a [`Share`] of it: what is in it when
//! the chunk begins. A replay of what chunks have come to tells which were promised too much.

mod buffer;
mod cost;
mod scale;
mod settle;

pub use buffer::{Course, MAX_SHARED, Share, Shares, settle_shares, share};
pub use cost::{Cost, budgets, solve};
pub use scale::Scale;
pub use settle::{Corrections, MAX_CORRECTIONS, settle};
