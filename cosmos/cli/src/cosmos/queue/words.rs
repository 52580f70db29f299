//! Messages in words that stand in more than one place.

use clock::{Clock, SystemClock};
use timestone::{Event, Happening, MessageState, MessageView, QueueCount};

use super::payload;
use crate::explain::one_line;
use crate::table::Tone;
use crate::units::away;

/// "running"
pub(super) fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Invisible => "invisible",
        MessageState::Pending => "pending",
        MessageState::Running => "running",
        MessageState::Completed => "completed",
        MessageState::Canceled => "canceled",
        MessageState::Errored => "errored",
    }
}

pub(super) fn tone(state: MessageState) -> Tone {
    match state {
        MessageState::Invisible | MessageState::Canceled => Tone::Faint,
        MessageState::Pending => Tone::Plain,
        MessageState::Running => Tone::Notable,
        MessageState::Completed => Tone::Good,
        MessageState::Errored => Tone::Bad,
    }
}

/// What waits or runs.
pub(super) fn depth(count: &QueueCount) -> u64 {
    count.pending + count.invisible + count.running
}

/// "3 pending, 1 running"; states without messages are left out.
pub(super) fn waiting(count: &QueueCount) -> String {
    let states = [
        (count.pending, "pending"),
        (count.invisible, "invisible"),
        (count.running, "running"),
    ];
    let states = states.iter().filter(|(n, _)| *n > 0);
    let states: Vec<_> = states.map(|(n, name)| format!("{n} {name}")).collect();
    match states.is_empty() {
        true => "nothing waits or runs".into(),
        false => states.join(", "),
    }
}

/// "tenant=a, kind=encode"
pub(super) fn metadata(view: &MessageView) -> String {
    let pairs = view.metadata.iter();
    let pairs = pairs.map(|(key, value)| one_line(&format!("{key}={value}")));
    pairs.collect::<Vec<_>>().join(", ")
}

/// What matters most about a message in its state: its error, its worker, or its metadata.
pub(super) fn about(view: &MessageView) -> String {
    let error =
        payload::error(view).map(|error| one_line(&format!("{} [{}]", error.message, error.code)));
    let owner = view
        .owner
        .as_ref()
        .map(|owner| format!("by {}", one_line(owner)));
    let metadata = Some(metadata(view)).filter(|text| !text.is_empty());
    let all = [owner, error, metadata].into_iter().flatten();
    all.collect::<Vec<_>>().join("; ")
}

/// "lapsed"
pub(super) fn happening(happening: Happening) -> &'static str {
    match happening {
        Happening::BecameVisible => "visible",
        other => other.name(),
    }
}

/// "17  try 2  by w@host; it broke [EXIT_1]"
pub(super) fn happened(event: &Event) -> String {
    let id = one_line(&event.id);
    let about = event_about(event);
    let about = match (event.deliveries, about.is_empty()) {
        (0, _) => about,
        (tries, true) => format!("try {tries}"),
        (tries, false) => format!("try {tries}  {about}"),
    };
    format!("{id}  {about}").trim_end().to_owned()
}

/// Who worked on it, and what went wrong.
pub(super) fn event_about(event: &Event) -> String {
    let owner = event.owner.as_deref();
    let owner = owner.map(|owner| format!("by {}", one_line(owner)));
    let error = payload::error_in(event.error.as_ref());
    let error = error.map(|error| one_line(&format!("{} [{}]", error.message, error.code)));
    let all = [owner, error].into_iter().flatten();
    all.collect::<Vec<_>>().join("; ")
}

/// Now, on this machine's clock; the server's is near.
pub(super) fn now() -> i64 {
    SystemClock.now().unix_ms()
}

/// When its lease or its waiting ends.
pub(super) fn until(view: &MessageView) -> String {
    view.until
        .map(|until| away(until, now()))
        .unwrap_or_default()
}
