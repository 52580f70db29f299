//! What few messages have, packed: metadata, whom to tell, the newest failure.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Details of a message; nothing where there are none.
///
/// Pairs, each as two texts, behind their number; then, each behind whether it is
/// there, the queue to tell and the failure; texts lie behind their length. What is
/// absent from somewhere on is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details(Box<[u8]>);

/// The queue to tell, and the failure: an encoded `base.v1.Error`.
type Others<'a> = (Option<&'a str>, Option<&'a [u8]>);

impl Details {
    pub(crate) fn new(
        metadata: &BTreeMap<String, String>,
        reply_to: Option<&str>,
        error: Option<&[u8]>,
    ) -> Self {
        let pairs = metadata.iter().map(|(key, value)| (&**key, &**value));
        Self::pack(pairs, (reply_to, error))
    }

    fn pack<'a>(
        pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
        (reply_to, error): Others<'_>,
    ) -> Self {
        if pairs.len() == 0 && reply_to.is_none() && error.is_none() {
            return Self::default();
        }
        let mut packed = Vec::with_capacity(256);
        put_number(&mut packed, pairs.len());
        for (key, value) in pairs {
            put(&mut packed, key.as_bytes());
            put(&mut packed, value.as_bytes());
        }
        let others = [reply_to.map(str::as_bytes), error];
        let last = others.iter().rposition(Option::is_some);
        for other in others.iter().take(last.map_or(0, |last| last + 1)) {
            packed.push(u8::from(other.is_some()));
            put(&mut packed, other.unwrap_or_default());
        }
        // A copy is as long as it must be, and leaves no room unused.
        Self(packed[..].into())
    }

    /// The pairs, by key.
    pub(crate) fn metadata(&self) -> Pairs<'_> {
        let mut rest = &self.0[..];
        let left = take_number(&mut rest);
        Pairs { left, rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = self.metadata();
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// The value of a metadata key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.metadata();
        pairs.find(|(known, _)| *known == key).map(|pair| pair.1)
    }

    pub(crate) fn reply_to(&self) -> Option<&str> {
        self.others().0
    }

    pub(crate) fn error(&self) -> Option<Bytes> {
        self.others().1.map(Bytes::copy_from_slice)
    }

    pub(crate) fn set_error(&mut self, error: Option<&[u8]>) {
        let reply_to = self.others().0;
        *self = Self::pack(self.metadata(), (reply_to, error));
    }

    pub(crate) fn set_reply_to(&mut self, reply_to: Option<&str>) {
        let error = self.others().1;
        *self = Self::pack(self.metadata(), (reply_to, error));
    }

    pub(crate) fn set_metadata(&mut self, metadata: &BTreeMap<String, String>) {
        let (reply_to, error) = self.others();
        *self = Self::new(metadata, reply_to, error);
    }

    fn others(&self) -> Others<'_> {
        let mut pairs = self.metadata();
        pairs.by_ref().for_each(drop);
        let mut rest = pairs.rest;
        let mut other = || {
            let is_there = take_number(&mut rest) > 0;
            let bytes = take(&mut rest);
            is_there.then_some(bytes)
        };
        let (reply_to, error) = (other(), other());
        (reply_to.map(text), error)
    }
}

/// Metadata pairs of a message.
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let key = take(&mut self.rest);
        Some((text(key), text(take(&mut self.rest))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

pub(crate) fn put(packed: &mut Vec<u8>, bytes: &[u8]) {
    put_number(packed, bytes.len());
    packed.extend_from_slice(bytes);
}

pub(crate) fn put_number(packed: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let len = take_number(rest);
    let (bytes, behind) = rest.split_at_checked(len).unwrap_or_default();
    *rest = behind;
    bytes
}

/// Zero where there is nothing.
pub(crate) fn take_number(rest: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, behind)) = rest.split_first() {
        *rest = behind;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_takes_no_room() {
        assert_eq!(Details::new(&BTreeMap::new(), None, None).0.len(), 0);
        let pair = [("project".to_owned(), "x".repeat(12))].into();
        assert_eq!(Details::new(&pair, None, None).0.len(), 22);
    }

    proptest! {
        #[test]
        fn details_survive(
            metadata in btree_map(".{0,9}", ".{0,300}", 0..5),
            others in (option::of(".{0,9}"), option::of(vec(any::<u8>(), 0..300))),
            changed in option::of(vec(any::<u8>(), 0..9)),
        ) {
            let (reply_to, error) = others;
            let mut details = Details::new(&metadata, reply_to.as_deref(), error.as_deref());
            prop_assert_eq!(&details.to_map(), &metadata);
            prop_assert_eq!(details.reply_to(), reply_to.as_deref());
            prop_assert_eq!(details.error(), error.map(Bytes::from));
            prop_assert_eq!(details.get("no such key, as it is too long"), None);
            for (key, value) in &metadata {
                prop_assert_eq!(details.get(key), Some(value.as_str()));
            }
            details.set_error(changed.as_deref());
            let expected = Details::new(&metadata, reply_to.as_deref(), changed.as_deref());
            prop_assert_eq!(&details, &expected);
            details.set_reply_to(Some("somebody"));
            prop_assert_eq!(details.reply_to(), Some("somebody"));
            details.set_reply_to(reply_to.as_deref());
            details.set_metadata(&BTreeMap::new());
            let expected = Details::new(&BTreeMap::new(), reply_to.as_deref(), changed.as_deref());
            prop_assert_eq!(details, expected);
        }
    }
}
