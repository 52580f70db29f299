//! A server of objects by ranges that misbehaves by seed: what sources are read from in tests.
//!
//! ```no_run
//! # async fn example() {
//! use origin::{Faults, Origin};
//!
//! let origin = Origin::start().await;
//! origin.put("/film.mov", vec![7; 1 << 20]);
//! origin.misbehave(Faults::all(42, 20)); // a fifth of all requests
//! println!("{}", origin.url("/film.mov"));
//! # }
//! ```

#![allow(clippy::unwrap_used, clippy::panic, reason = "made for tests alone")]

mod answer;
mod faults;
mod request;
mod serve;

pub use faults::{Fault, Faults};
pub use serve::{Counts, Manners, Origin};
