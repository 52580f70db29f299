use bytes::Bytes;
use errors::Error;

use crate::BlobRef;

/// A blob under the name that its producer gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBlob {
    /// Relative path: "encoding.264".
    pub name: String,
    pub blob: BlobRef,
}

/// A list too long to travel; read by [`crate::list::ListReader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRef {
    /// The blob that holds the list's table of contents.
    pub index: BlobRef,
    /// Elements in the whole list.
    pub count: u64,
}

/// A small value and what it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// What travels itself, usually JSON. How much is allowed depends on the place.
    pub inline: Bytes,
    /// Bytes too large to travel.
    pub blobs: Vec<NamedBlob>,
    /// A list too long to travel.
    pub list: Option<ListRef>,
    /// Instead of the rest: why an element of a map failed, which its map was allowed.
    pub error: Option<Box<Error>>,
}

impl Value {
    /// A value that is all inline.
    pub fn inline(bytes: impl Into<Bytes>) -> Self {
        Self {
            inline: bytes.into(),
            ..Self::default()
        }
    }

    /// What stands for the value of an element that failed.
    pub fn failed(error: Error) -> Self {
        Self {
            error: Some(Box::new(error)),
            ..Self::default()
        }
    }

    /// The blob of this name.
    pub fn blob(&self, name: &str) -> Option<&BlobRef> {
        let named = self.blobs.iter().find(|named| named.name == name)?;
        Some(&named.blob)
    }
}
