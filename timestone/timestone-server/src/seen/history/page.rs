//! Records of the history.

use std::collections::BTreeSet;

use buffa::Message;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use store::KeyRange;
use timestone::Event;
use timestone_client::wire::{Inward, Outward};

/// Errors that are longer are kept short: bytes.
const MAX_ERROR_BYTES: usize = 1 << 10;
/// What is kept of the message of such an error: characters.
const MAX_ERROR_CHARS: usize = 400;

/// Holds how many bytes all pages have.
pub(super) const SIZE: Bytes = Bytes::from_static(b"s");

/// Names a page; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageId {
    /// When its first event was: Unix milliseconds.
    pub(super) at: i64,
    /// Of the writer.
    pub(super) epoch: u32,
    pub(super) number: u32,
}

impl PageId {
    fn put(self, key: &mut BytesMut) {
        // Times before 1970 sort wrongly, and never were.
        key.put_i64(self.at);
        key.put_u32(self.epoch);
        key.put_u32(self.number);
    }

    fn take(mut key: Bytes) -> Option<Self> {
        (key.len() == 16).then(|| Self {
            at: key.get_i64(),
            epoch: key.get_u32(),
            number: key.get_u32(),
        })
    }

    pub(super) fn key(self) -> Bytes {
        let mut key = BytesMut::from(&b"b"[..]);
        self.put(&mut key);
        key.freeze()
    }

    pub(super) fn of_key(key: &Bytes) -> Option<Self> {
        Self::take(key.slice(1..))
    }

    /// The key that tells that the page has events of this message.
    pub(super) fn index_key(self, hash: u64) -> Bytes {
        let mut key = BytesMut::from(&index_prefix(hash)[..]);
        self.put(&mut key);
        key.freeze()
    }

    pub(super) fn of_index_key(key: &Bytes) -> Option<Self> {
        Self::take(key.slice(9..))
    }
}

/// All pages from a time on.
pub(super) fn pages_since(at: i64) -> KeyRange {
    let mut start = BytesMut::from(&b"b"[..]);
    start.put_i64(at.max(0));
    KeyRange {
        start: std::ops::Bound::Included(start.freeze()),
        ..KeyRange::prefix(b"b")
    }
}

/// All pages with events of messages of this hash.
pub(super) fn pages_of(hash: u64) -> KeyRange {
    KeyRange::prefix(&index_prefix(hash))
}

fn index_prefix(hash: u64) -> Bytes {
    let mut key = BytesMut::from(&b"i"[..]);
    key.put_u64(hash);
    key.freeze()
}

/// Finds a message (FNV-1a): the same for ever, and rarely that of two.
pub(super) fn hash(queue: &str, id: &str) -> u64 {
    let bytes = queue.bytes().chain([0]).chain(id.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The hashes of the messages that events tell of.
pub(super) fn hashes(events: &[Event]) -> BTreeSet<u64> {
    let events = events.iter();
    events.map(|event| hash(&event.queue, &event.id)).collect()
}

pub(super) fn encode(events: &[Event]) -> Bytes {
    let page = wire::EventPage {
        events: events.iter().cloned().map(to_kept).collect(),
        ..Default::default()
    };
    page.encode_to_vec().into()
}

/// What cannot be read is left out.
pub(super) fn decode(page: &[u8]) -> Vec<Event> {
    let page = wire::EventPage::decode_from_slice(page).unwrap_or_default();
    let events = page.events.into_iter();
    events
        .filter_map(|event| Event::inward(event).ok())
        .collect()
}

fn to_kept(mut event: Event) -> wire::MessageEvent {
    let long = event.error.as_ref().map_or(0, Bytes::len) > MAX_ERROR_BYTES;
    let error = event.error.take_if(|_| long);
    let mut kept = event.outward();
    if let Some(error) = error {
        kept.error = shortened(&error).into();
    }
    kept
}

fn shortened(error: &[u8]) -> Option<base::Error> {
    let error = base::Error::decode_from_slice(error).ok()?;
    Some(base::Error {
        class: error.class,
        code: error.code,
        message: error.message.chars().take(MAX_ERROR_CHARS).collect(),
        retryable: error.retryable,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use timestone::{Happening, MessageState};

    use super::*;

    #[test]
    fn hashes_never_change() {
        assert_eq!(hash("q", "m"), 0x706a_4c19_52a6_567b);
        assert_ne!(hash("a", "bc"), hash("ab", "c"));
    }

    #[test]
    fn keys_read_back_and_sort_by_time() {
        let id = |at, number| PageId {
            at,
            epoch: 7,
            number,
        };
        assert_eq!(PageId::of_key(&id(5, 6).key()), Some(id(5, 6)));
        assert_eq!(PageId::of_index_key(&id(5, 6).index_key(9)), Some(id(5, 6)));
        assert!(id(5, 6).key() < id(5, 7).key());
        assert!(id(5, 7).key() < id(300, 0).key());
        assert_eq!(PageId::of_key(&Bytes::from_static(b"b123")), None);
    }

    #[test]
    fn a_page_reads_back_with_long_errors_cut_short() {
        let error = |message: String| {
            let error = base::Error {
                code: "BROKEN".into(),
                message,
                ..Default::default()
            };
            Some(Bytes::from(error.encode_to_vec()))
        };
        let event = Event {
            number: 3,
            at: 1_000,
            queue: "q".into(),
            id: "m".into(),
            version: 4,
            happening: Happening::Failed,
            from: Some(MessageState::Running),
            to: Some(MessageState::Invisible),
            priority: -5,
            deliveries: 2,
            attempts_left: 1,
            owner: Some("w".into()),
            until: Some(2_000),
            error: error("short".into()),
        };
        let long = Event {
            error: error("é".repeat(9_000)),
            ..event.clone()
        };
        let cut = Event {
            error: error("é".repeat(MAX_ERROR_CHARS)),
            ..event.clone()
        };
        let page = encode(&[event.clone(), long]);
        assert_eq!(decode(&page), [event, cut]);
        assert_eq!(decode(b"no page"), []);
    }
}
