//! One program per published figure, measured beside a peer.

fn main() {}
