//! Every cap of the virtual assembly, on one page.

/// Access units told in one part of the index.
pub(crate) const UNITS_IN_PART: usize = 4_096;
/// Bytes of a chunk told in one answer.
pub(crate) const READ_BYTES: usize = 1 << 20;
/// The longest list of a chunk's access units, in bytes: a few million of them.
pub(crate) const MAX_UNITS_BYTES: u64 = 256 << 20;
/// The longest description of a coded track, in bytes.
pub(crate) const MAX_TRACK_BYTES: u64 = 1 << 20;
/// The longest frame table, in bytes: days of film.
pub(crate) const MAX_TABLE_BYTES: u64 = 256 << 20;
/// The longest list of where chunks begin, in bytes.
pub(crate) const MAX_BOUNDARIES_BYTES: u64 = 8 << 20;
/// Indexes that are followed at the same time.
pub(crate) const MAX_FOLLOWERS: usize = 64;
/// Chunks that are read at the same time.
pub(crate) const MAX_READERS: usize = 256;
/// By how many places an access unit may be decoded before its turn in presentation: pictures that
/// decoders hold back (ITU-T H.264, A.3.1; H.265, A.4.2). Decoding times are told before later chunks
/// are known, so they go by what may come.
pub(crate) const MAX_REORDER: u64 = 16;
