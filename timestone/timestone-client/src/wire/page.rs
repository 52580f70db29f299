//! Pages of events, encoded from where the events lie.

use buffa::view::ViewEncode;
use buffa::{MessageFieldView, MessageView as _, SizeCache};
use bytes::{Bytes, BytesMut};
use proto::base::v1::ErrorView;
use proto::timestone::v1 as wire;
use timestone::Event;

use super::event::{to_happening, to_some_state};

/// An encoded `timestone.v1.EventPage` of these events, each with the error that is told
/// instead of its own.
pub fn event_page<'a>(events: impl Iterator<Item = (&'a Event, Option<&'a [u8]>)>) -> Bytes {
    let page = wire::EventPageView {
        events: events.map(|(event, error)| view(event, error)).collect(),
        ..Default::default()
    };
    let mut sizes = SizeCache::default();
    let mut encoded = BytesMut::with_capacity(page.compute_size(&mut sizes) as usize);
    page.write_to(&mut sizes, &mut encoded);
    encoded.freeze()
}

fn view<'a>(event: &'a Event, error: Option<&'a [u8]>) -> wire::MessageEventView<'a> {
    let error = error.and_then(|error| ErrorView::decode_view(error).ok());
    wire::MessageEventView {
        key: MessageFieldView::set(wire::MessageKeyView {
            queue: &event.queue,
            id: &event.id,
            ..Default::default()
        }),
        version: event.version,
        happening: to_happening(event.happening).into(),
        at_unix_ms: event.at,
        from: to_some_state(event.from).into(),
        to: to_some_state(event.to).into(),
        priority: event.priority,
        deliveries: event.deliveries,
        attempts_left: event.attempts_left,
        owner: event.owner.as_deref().unwrap_or_default(),
        until_unix_ms: event.until.unwrap_or_default(),
        error: error.map_or_else(MessageFieldView::unset, MessageFieldView::set),
        number: event.number,
        ..Default::default()
    }
}
