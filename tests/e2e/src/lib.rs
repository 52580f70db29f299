//! End to end: separate processes, kills, real engines.
//!
//! What the proofs share: where the programs are, how to start, pause and kill
//! them, and how to see that nothing was left behind.

pub mod clip;
pub mod contained;
pub mod installation;
pub mod leftovers;
pub mod log;
pub mod programs;
pub mod run;
pub mod takeovers;
pub mod talk;
pub mod terminal;
pub mod wide_map;
