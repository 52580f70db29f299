use std::sync::Arc;

use proto::stratum::v1::SourceIdentity;

use crate::signature::Credentials;
use crate::url::Origin;

/// An object of an allowed server. Nothing of it was looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// As it was named: without credentials, so that it can be told.
    pub(crate) uri: String,
    pub(crate) origin: Origin,
    /// What is asked of the server, encoded.
    pub(crate) path: String,
    /// Whether the server may be at an address that is not public.
    pub(crate) private: bool,
    /// `None`: it is asked without a signature.
    pub(crate) credentials: Option<Arc<Credentials>>,
}

impl Object {
    /// As it was named.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What its name ends with, for programs that go by it: "mov". Letters and digits only.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let name = self.uri.rsplit('/').next()?;
        let (_, extension) = name.rsplit_once('.')?;
        let plain = (1..=8).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then_some(extension)
    }

    /// This version of it, and no other.
    #[must_use]
    pub fn pinned(self, size: u64, version: String) -> Pinned {
        Pinned {
            object: self,
            size,
            version,
        }
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    pub(crate) object: Object,
    pub(crate) size: u64,
    pub(crate) version: String,
}

impl Pinned {
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the server calls this version: its ETag with the quotes, or where it has none, its date.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn identity(&self) -> SourceIdentity {
        SourceIdentity {
            size: self.size,
            etag: self.version.clone(),
            ..Default::default()
        }
    }
}
