//! Every cap of a pass.

/// Marks that are held in memory, of 32 bytes each; the others lie in files.
pub const HELD_MARKS: usize = 1 << 20;
/// Blobs larger than this are not looked into: lists and payloads are smaller.
pub const FOLLOWED_BYTES: u64 = 64 << 20;
/// Records that are read from a store at a time.
pub const PAGE: usize = 256;
/// References that were met last, which are not noted again.
pub const RECENT: usize = 1 << 16;
