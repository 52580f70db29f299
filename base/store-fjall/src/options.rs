/// How the engine uses memory and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many bytes of changes are kept in memory, and read again at the next
    /// start, before they are written as a sorted table. Fixed when the store is
    /// created.
    pub memtable_bytes: u64,
    /// How many bytes of tables are cached.
    pub cache_bytes: u64,
    /// Whether a commit to an idle store may keep the thread that asks for it waiting, for about
    /// a millisecond at most, instead of another. It is answered sooner.
    pub in_place: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memtable_bytes: 32 << 20,
            cache_bytes: 64 << 20,
            in_place: true,
        }
    }
}
