//! Immutable bytes addressed by digest.

mod digest;
mod spi;
mod wire;

pub use digest::Digest;
pub use spi::{BlobError, BlobRef, BlobStore, StagedFile};
