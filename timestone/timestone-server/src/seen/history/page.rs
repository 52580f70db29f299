//! Pages of events.

use std::borrow::Cow;

use buffa::Message;
use bytes::Bytes;
use proto::base::v1 as base;
use proto::timestone::v1 as wire;
use timestone::Event;
use timestone_client::wire::{Inward, event_page};

/// Errors that are longer are kept short: bytes.
const MAX_ERROR_BYTES: usize = 1 << 10;
/// What is kept of the message of such an error: characters.
const MAX_ERROR_CHARS: usize = 400;

/// Long errors are cut short.
pub(super) fn encode(events: &[&Event]) -> Bytes {
    let short: Vec<_> = events.iter().map(|event| short_error(event)).collect();
    let errors = short.iter().map(|error| error.as_deref());
    event_page(events.iter().copied().zip(errors))
}

/// What cannot be read is left out.
pub(super) fn decode(page: &[u8]) -> Vec<Event> {
    let page = wire::EventPage::decode_from_slice(page).unwrap_or_default();
    let events = page.events.into_iter();
    events
        .filter_map(|event| Event::inward(event).ok())
        .collect()
}

fn short_error(event: &Event) -> Option<Cow<'_, [u8]>> {
    let error = event.error.as_deref()?;
    match error.len() > MAX_ERROR_BYTES {
        true => Some(Cow::Owned(shortened(error)?.encode_to_vec())),
        false => Some(Cow::Borrowed(error)),
    }
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
        let page = encode(&[&event, &long]);
        assert_eq!(decode(&page), [event, cut]);
        assert_eq!(decode(b"no page"), []);
    }
}
