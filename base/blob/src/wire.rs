use proto::base::v1 as wire;

use crate::BlobRef;
use crate::digest::NotADigest;

impl TryFrom<wire::BlobRef> for BlobRef {
    type Error = NotADigest;

    fn try_from(blob: wire::BlobRef) -> Result<Self, Self::Error> {
        Ok(Self {
            store: blob.store,
            digest: blob.digest.parse()?,
            size: blob.size,
            content_type: blob.content_type,
        })
    }
}

impl From<BlobRef> for wire::BlobRef {
    fn from(blob: BlobRef) -> Self {
        Self {
            store: blob.store,
            digest: blob.digest.to_string(),
            size: blob.size,
            content_type: blob.content_type,
            ..Default::default()
        }
    }
}
