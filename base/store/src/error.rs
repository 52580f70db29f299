use std::sync::Arc;

/// Why a store refused or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The shard has a newer owner: stop, and acquire it again if wanted.
    #[error("shard {shard} was taken over: epoch {held} is stale")]
    Fenced { shard: Arc<str>, held: u64 },

    /// Another owner's time still runs.
    #[error("shard {shard} is owned by {owner}")]
    Owned { shard: Arc<str>, owner: String },

    /// Nothing was changed; trying again may work.
    #[error("the store is unavailable: {0}")]
    Unavailable(Arc<str>),

    /// It cannot be told whether the change was applied, or still will be, until
    /// the shard is acquired again.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(Arc<str>),

    /// A name, key or batch is outside the limits; nothing was changed and
    /// trying again will not help.
    #[error("the store cannot take this: {0}")]
    Invalid(Arc<str>),

    /// What was read is not what was written, or the files cannot be opened.
    #[error("the store is damaged: {0}")]
    Corrupt(Arc<str>),
}

impl StoreError {
    /// Whether the store may take the call later. A commit whose outcome is unknown
    /// must not simply be made again: acquire the shard, read, and decide.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unknown(_))
    }
}
