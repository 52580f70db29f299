//! Boxes within boxes, as bytes.

use errors::Error;
use mp4_atom::Encode;

/// Boxes one after another.
#[derive(Default)]
pub(crate) struct Boxes(Vec<u8>);

impl Boxes {
    /// Adds a box that `mp4-atom` knows.
    pub(crate) fn atom(&mut self, atom: &impl Encode) -> Result<(), Error> {
        atom.encode(&mut self.0)
            .map_err(|e| malformed(&e.to_string()))
    }

    /// Adds a box of this kind around others.
    pub(crate) fn nest(
        &mut self,
        kind: &[u8; 4],
        fill: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut inner = Self::default();
        fill(&mut inner)?;
        let size =
            u32::try_from(inner.0.len() + 8).map_err(|_| malformed("the index is beyond 4 GB"))?;
        self.0.extend(size.to_be_bytes());
        self.0.extend(kind);
        self.0.append(&mut inner.0);
        Ok(())
    }

    /// Adds boxes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// One box of a file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child<'a> {
    pub(crate) kind: [u8; 4],
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// The boxes that `bytes` consist of; ends where they are malformed.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (size, kind) = (rest.get(..4)?, rest.get(4..8)?);
        let size = u32::from_be_bytes(size.try_into().ok()?) as usize;
        let whole = rest.get(..size.max(8))?;
        rest = &rest[whole.len()..];
        Some(Child {
            kind: kind.try_into().ok()?,
            whole,
            body: &whole[8..],
        })
    })
}

fn malformed(why: &str) -> Error {
    Error::function("MP4", format!("the file cannot be written: {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nested_boxes_read_back() {
        let mut boxes = Boxes::default();
        boxes
            .nest(b"moov", |moov| {
                moov.nest(b"free", |_| Ok(()))?;
                moov.nest(b"skip", |skip| {
                    skip.raw(b"xyz");
                    Ok(())
                })
            })
            .unwrap();
        let bytes = boxes.into_bytes();
        let moov = children(&bytes).next().unwrap();
        assert_eq!((&moov.kind, moov.whole.len()), (b"moov", 8 + 8 + 11));
        let inner: Vec<_> = children(moov.body)
            .map(|child| (child.kind, child.body.len()))
            .collect();
        assert_eq!(inner, [(*b"free", 0), (*b"skip", 3)]);
        assert_eq!(children(&bytes[..20]).count(), 0);
    }
}
