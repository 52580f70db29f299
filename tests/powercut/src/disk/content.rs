use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE: usize = 4_096;

/// The bytes of a file. Pages that were never written take no memory, and copies
/// share theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    length: u64,
    pages: BTreeMap<u64, Arc<[u8; PAGE]>>,
}

/// Where a stretch of bytes lies within one page.
struct Piece {
    page: u64,
    start: usize,
    size: usize,
}

/// The pieces of a stretch, page by page.
fn pieces(mut offset: u64, mut size: usize) -> impl Iterator<Item = Piece> {
    std::iter::from_fn(move || {
        let start = (offset % PAGE as u64) as usize;
        let piece = Piece {
            page: offset / PAGE as u64,
            start,
            size: size.min(PAGE - start),
        };
        offset += piece.size as u64;
        size -= piece.size;
        (piece.size > 0).then_some(piece)
    })
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn allocated(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    pub(super) fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(size.min(left));
        for piece in pieces(offset, size.min(left)) {
            match self.pages.get(&piece.page) {
                Some(page) => bytes.extend_from_slice(&page[piece.start..piece.start + piece.size]),
                None => bytes.resize(bytes.len() + piece.size, 0),
            }
        }
        bytes
    }

    pub(super) fn write(&mut self, offset: u64, mut bytes: &[u8]) {
        self.length = self.length.max(offset + bytes.len() as u64);
        for piece in pieces(offset, bytes.len()) {
            let (now, later) = bytes.split_at(piece.size);
            self.page(piece.page)[piece.start..piece.start + piece.size].copy_from_slice(now);
            bytes = later;
        }
    }

    pub(super) fn set_length(&mut self, length: u64) {
        if length < self.length {
            self.pages.split_off(&length.div_ceil(PAGE as u64));
            self.zero_after(length);
        }
        self.length = length;
    }

    /// Zeros the rest of the page that holds the end.
    fn zero_after(&mut self, length: u64) {
        let (page, start) = (length / PAGE as u64, (length % PAGE as u64) as usize);
        if self.pages.contains_key(&page) {
            self.page(page)[start..].fill(0);
        }
    }

    fn page(&mut self, page: u64) -> &mut [u8; PAGE] {
        Arc::make_mut(
            self.pages
                .entry(page)
                .or_insert_with(|| Arc::new([0; PAGE])),
        )
    }

    /// The written pages: offset and bytes, the last one cut at the end.
    pub(super) fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pages.iter().map(|(page, bytes)| {
            let offset = page * PAGE as u64;
            let size = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(PAGE);
            (offset, &bytes[..size.min(PAGE)])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u16, Vec<u8>),
        Length(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..9_000);
        prop_oneof![
            (0..20_000_u16, bytes).prop_map(|(offset, bytes)| Step::Write(offset, bytes)),
            (0..20_000_u16).prop_map(Step::Length),
        ]
    }

    fn write(model: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
        model.resize(model.len().max(offset + bytes.len()), 0);
        model[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    proptest! {
        #[test]
        fn it_is_a_vector_of_bytes(steps in proptest::collection::vec(step(), 0..12)) {
            let (mut content, mut model) = (Content::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Write(offset, bytes) => {
                        content.write(offset.into(), &bytes);
                        write(&mut model, offset.into(), &bytes);
                    }
                    Step::Length(length) => {
                        content.set_length(length.into());
                        model.resize(length.into(), 0);
                    }
                }
                prop_assert_eq!(content.length(), model.len() as u64);
                prop_assert!(content.read(0, usize::MAX) == model, "the bytes differ");
            }
            let mut copied = vec![0; model.len()];
            content.written().for_each(|(offset, bytes)| write(&mut copied, offset as usize, bytes));
            prop_assert!(copied == model, "the written pages differ");
        }
    }
}
