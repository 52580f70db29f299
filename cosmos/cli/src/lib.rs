//! The commands cosmos and ves.

pub mod ves;
