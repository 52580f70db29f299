use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Timestamp;

use crate::Digest;

/// Where some bytes are and what they must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// Name of the store in the configuration.
    pub store: String,
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub content_type: String,
}

/// Why a blob could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("there is no blob {0}")]
    NotFound(Digest),
    #[error("blob {digest} is damaged: {problem}")]
    Corrupt { digest: Digest, problem: String },
    #[error("blob {digest} is {size} bytes; at most {limit} are allowed here")]
    TooLarge {
        digest: Digest,
        size: u64,
        limit: u64,
    },
    #[error("{path} may not be published: {problem}", path = path.display())]
    NotPublishable {
        path: PathBuf,
        problem: &'static str,
    },
    #[error("a memo of {0} bytes is too large; at most 65536 are kept")]
    MemoTooLarge(usize),
    #[error("no blob store is named `{0}`")]
    UnknownStore(String),
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

/// A blob as it lies in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// When it was last put, published or touched, by the clock of the store.
    pub touched: Timestamp,
}

/// What is remembered under a key, as it lies in its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo {
    pub key: Digest,
    /// Empty where it is damaged: then it stands for nothing.
    pub value: Bytes,
    /// When it was put or last made young, by the clock of the store.
    pub touched: Timestamp,
}

/// Asking for a memo makes it young, but for one that is younger than this: so that what is asked
/// for often costs no writes. A memo may have been used for so long after it was touched.
pub const MEMO_STAYS_YOUNG: Duration = Duration::from_secs(86_400);

/// A file that a producer wrote below the store's own staging area, not yet published.
#[derive(Debug)]
pub struct StagedFile {
    pub path: PathBuf,
    pub content_type: String,
}

/// Bytes by digest. What has been put is never overwritten.
///
/// Nothing goes by itself: who [removes](BlobStore::remove_untouched) what nobody refers to
/// goes by the time of the last touch. So a reference must be written down soon after its blob was
/// put, published or touched, which all make it as young as a new one.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync + 'static {
    /// The name that references carry.
    fn name(&self) -> &str;

    /// Keeps `bytes`, durably. Putting equal bytes again touches them.
    async fn put(&self, bytes: Bytes, content_type: &str) -> Result<BlobRef, BlobError>;

    /// Hashes, syncs and publishes a staged file, by link or rename where the
    /// store is on the same file system. The staged path is gone afterwards.
    async fn publish(&self, file: StagedFile) -> Result<BlobRef, BlobError>;

    /// The whole blob, verified; for small ones (at most `limit` bytes).
    async fn get(&self, blob: &BlobRef, limit: u64) -> Result<Bytes, BlobError>;

    /// Whether the blob is there in full size.
    async fn contains(&self, blob: &BlobRef) -> Result<bool, BlobError>;

    /// Makes the blob as young as a new one, and says whether it is there in full size.
    async fn touch(&self, blob: &BlobRef) -> Result<bool, BlobError>;

    /// What is kept under `digest`.
    async fn look(&self, digest: Digest) -> Result<Option<Kept>, BlobError>;

    /// Every blob whose digest begins with this byte, in whatever order.
    async fn list(&self, first: u8) -> Result<Vec<Kept>, BlobError>;

    /// The first bytes of a blob, at most `limit` of them; not verified.
    async fn peek(&self, digest: Digest, limit: u64) -> Result<Bytes, BlobError>;

    /// Removes the blob unless it was touched at `since` or later, and says whether it did. A
    /// put, publication or touch at the same time either keeps it from going, or comes after.
    async fn remove_untouched(&self, digest: Digest, since: Timestamp) -> Result<bool, BlobError>;

    /// A path below which the blob can be read as a file: the store's own file,
    /// read-only and verified at first use, where it is local; else a copy made
    /// below `into`.
    async fn local_path(&self, blob: &BlobRef, into: &Path) -> Result<PathBuf, BlobError>;

    /// A fresh directory for files to be published. Removed by [`BlobStore::discard`].
    async fn staging(&self, key: &str) -> Result<PathBuf, BlobError>;

    /// Removes a staging directory with all that is in it.
    async fn discard(&self, staging: &Path) -> Result<(), BlobError>;

    /// Removes what dead processes staged; how many of them there were. Leaves
    /// alone what a living process works on.
    async fn sweep_staging(&self) -> Result<usize, BlobError>;

    /// Remembers `key` → `value` if `key` is new; the value that is kept either way.
    /// For memos (seam S6): at most 64 KiB.
    async fn memo_put(&self, key: Digest, value: Bytes) -> Result<Bytes, BlobError>;

    /// What is remembered under `key`. It is as young as a new one then, or nearly:
    /// [`MEMO_STAYS_YOUNG`].
    async fn memo_get(&self, key: Digest) -> Result<Option<Bytes>, BlobError>;

    /// Every memo whose key begins with this byte. It stays as old as it is.
    async fn memos(&self, first: u8) -> Result<Vec<Memo>, BlobError>;

    /// Forgets what is remembered under `key`, unless it was touched at `since` or later, and says
    /// whether it did. Who asks for it at the same time either keeps it from going, or gets
    /// nothing, or finds it young already.
    async fn memo_forget(&self, key: Digest, since: Timestamp) -> Result<bool, BlobError>;
}
