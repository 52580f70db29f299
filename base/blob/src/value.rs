use bytes::Bytes;

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
}

impl Value {
    /// A value that is all inline.
    pub fn inline(bytes: impl Into<Bytes>) -> Self {
        Self {
            inline: bytes.into(),
            ..Self::default()
        }
    }

    /// The blob of this name.
    pub fn blob(&self, name: &str) -> Option<&BlobRef> {
        let named = self.blobs.iter().find(|named| named.name == name)?;
        Some(&named.blob)
    }
}
