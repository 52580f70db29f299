//! The drawers of the key space `optimus/{service}`.
//!
//! | key | value |
//! |---|---|
//! | `m/{id}` | [`Meta`](crate::record::Meta), JSON |
//! | `q/{id}` | the service's request, encoded; written once |
//! | `e/{id}` | the newest `plato.v1.WorkflowEvent`, encoded |
//! | `a/{id}` | the answer, once ended: the service's response or a `base.v1.Error`, encoded |
//! | `x/{id}` | empty; there while the request is under way |
//! | `l/{ordinal, inverted}` | id: the newest request comes first |
//! | `k/{hash of tenant and idempotency key, or call}` | id |
//! | `c/{hash of tenant and call}` | when it was canceled, before it came: Unix ms, big-endian |
//! | `o/{number}` | `timestone.v1.NewMessage`, encoded: a message still to be sent |

use bytes::Bytes;

pub(crate) const ACTIVE: &[u8] = b"x/";
pub(crate) const LISTING: &[u8] = b"l/";
pub(crate) const CANCELED: &[u8] = b"c/";
pub(crate) const OUTBOX: &[u8] = b"o/";

pub(crate) fn meta(id: &str) -> Bytes {
    joined(b"m/", id.as_bytes())
}

pub(crate) fn request(id: &str) -> Bytes {
    joined(b"q/", id.as_bytes())
}

pub(crate) fn event(id: &str) -> Bytes {
    joined(b"e/", id.as_bytes())
}

pub(crate) fn answer(id: &str) -> Bytes {
    joined(b"a/", id.as_bytes())
}

pub(crate) fn active(id: &str) -> Bytes {
    joined(ACTIVE, id.as_bytes())
}

pub(crate) fn listing(ordinal: u64) -> Bytes {
    joined(LISTING, &(!ordinal).to_be_bytes())
}

pub(crate) fn idempotency(hash: &str) -> Bytes {
    joined(b"k/", hash.as_bytes())
}

pub(crate) fn canceled(hash: &str) -> Bytes {
    joined(CANCELED, hash.as_bytes())
}

pub(crate) fn outbox(number: u64) -> Bytes {
    joined(OUTBOX, &number.to_be_bytes())
}

/// The ordinal in a key of the listing.
pub(crate) fn ordinal_of(key: &[u8]) -> Option<u64> {
    number(key, LISTING).map(|inverted| !inverted)
}

/// The number in a key of the outbox.
pub(crate) fn outbox_number_of(key: &[u8]) -> Option<u64> {
    number(key, OUTBOX)
}

/// The id in a key of the active requests.
pub(crate) fn active_id_of(key: &[u8]) -> Option<&str> {
    text(key, ACTIVE)
}

/// The hash in a key of the calls that were canceled before they came.
pub(crate) fn canceled_hash_of(key: &[u8]) -> Option<&str> {
    text(key, CANCELED)
}

fn text<'a>(key: &'a [u8], prefix: &[u8]) -> Option<&'a str> {
    std::str::from_utf8(key.strip_prefix(prefix)?).ok()
}

fn joined(prefix: &[u8], rest: &[u8]) -> Bytes {
    [prefix, rest].concat().into()
}

fn number(key: &[u8], prefix: &[u8]) -> Option<u64> {
    let digits = key.strip_prefix(prefix)?.try_into().ok()?;
    Some(u64::from_be_bytes(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        assert_eq!(ordinal_of(&listing(7)), Some(7));
        assert_eq!(outbox_number_of(&outbox(u64::MAX)), Some(u64::MAX));
        assert_eq!(active_id_of(&active("abc")), Some("abc"));
        assert_eq!(canceled_hash_of(&canceled("abc")), Some("abc"));
        assert_eq!(ordinal_of(b"l/short"), None);
        assert_eq!(ordinal_of(&outbox(7)), None);
    }

    #[test]
    fn the_newest_request_is_listed_first_and_the_oldest_message_sent_first() {
        assert!(listing(256) < listing(255));
        assert!(outbox(255) < outbox(256));
    }
}
