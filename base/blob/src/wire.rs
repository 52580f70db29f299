use proto::base::v1 as wire;

use crate::{BlobRef, ListRef, NamedBlob, NotADigest, Value};

/// A reference that came over the wire is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRef {
    #[error(transparent)]
    Digest(#[from] NotADigest),
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl TryFrom<wire::BlobRef> for BlobRef {
    type Error = InvalidRef;

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

impl TryFrom<wire::NamedBlob> for NamedBlob {
    type Error = InvalidRef;

    fn try_from(named: wire::NamedBlob) -> Result<Self, Self::Error> {
        let blob = named.blob.into_option();
        Ok(Self {
            name: named.name,
            blob: blob.ok_or(InvalidRef::Missing("blob"))?.try_into()?,
        })
    }
}

impl From<NamedBlob> for wire::NamedBlob {
    fn from(named: NamedBlob) -> Self {
        Self {
            name: named.name,
            blob: Some(named.blob.into()).into(),
            ..Default::default()
        }
    }
}

impl TryFrom<wire::ListRef> for ListRef {
    type Error = InvalidRef;

    fn try_from(list: wire::ListRef) -> Result<Self, Self::Error> {
        let index = list.index.into_option();
        Ok(Self {
            index: index.ok_or(InvalidRef::Missing("index"))?.try_into()?,
            count: list.count,
        })
    }
}

impl From<ListRef> for wire::ListRef {
    fn from(list: ListRef) -> Self {
        Self {
            index: Some(list.index.into()).into(),
            count: list.count,
            ..Default::default()
        }
    }
}

impl TryFrom<wire::Value> for Value {
    type Error = InvalidRef;

    fn try_from(value: wire::Value) -> Result<Self, Self::Error> {
        let blobs = value.blobs.into_iter().map(NamedBlob::try_from);
        let list = value.list.into_option().map(ListRef::try_from);
        Ok(Self {
            inline: value.inline.into(),
            blobs: blobs.collect::<Result<_, _>>()?,
            list: list.transpose()?,
            error: value
                .error
                .into_option()
                .map(|error| Box::new(error.into())),
        })
    }
}

impl From<Value> for wire::Value {
    fn from(value: Value) -> Self {
        Self {
            inline: value.inline.into(),
            blobs: value.blobs.into_iter().map(Into::into).collect(),
            list: value.list.map(Into::into).into(),
            error: value.error.map(|error| (*error).into()).into(),
            ..Default::default()
        }
    }
}
