//! One program per published figure, measured beside a peer.

pub mod machine;
pub mod process;
pub mod stats;
