//! Immutable bytes addressed by digest.
//!
//! A [`BlobStore`] keeps bytes under their SHA-256 and never overwrites them;
//! [`LocalBlobs`] is one in a directory. [`Blobs`] finds stores by their
//! configured name, and [`list`] keeps long lists as blobs of pages.

mod blobs;
pub mod conformance;
mod digest;
mod file_uri;
pub mod list;
mod local;
mod spi;
mod value;
mod wire;

pub use blobs::Blobs;
pub use digest::{Digest, Hasher, NotADigest};
pub use file_uri::{FileUri, NotAFileUri};
pub use local::LocalBlobs;
pub use spi::{BlobError, BlobRef, BlobStore, Kept, MEMO_STAYS_YOUNG, Memo, StagedFile};
pub use value::{ListRef, NamedBlob, Value};
pub use wire::InvalidRef;
