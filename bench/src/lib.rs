//! One program per published figure, measured beside a peer.

pub mod cpu;
pub mod disk;
pub mod machine;
pub mod memory;
pub mod npm;
pub mod postgres;
pub mod process;
pub mod rules;
pub mod server;
pub mod stats;
