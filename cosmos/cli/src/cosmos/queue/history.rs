//! What happened to a message, in lines.

use timestone::{Event, MessageKey};
use timestone_client::{MessageHistory, Timestone, TimestoneError};

use super::Desk;
use super::words;
use crate::colour::Paint;
use crate::explain::one_line;
use crate::stop::Stop;
use crate::units::{local_time, span};

/// Empty where the server keeps none.
pub(super) async fn of(desk: &Desk, key: &MessageKey) -> Result<MessageHistory, Stop> {
    match desk.server.queues.history(key).await {
        Ok(history) => Ok(history),
        Err(TimestoneError::Refused(why)) if is_none(&why.code) => Ok(MessageHistory::default()),
        Err(error) => Err(desk.server.told(error).into()),
    }
}

fn is_none(code: &str) -> bool {
    matches!(code, "NO_HISTORY" | "UNIMPLEMENTED")
}

/// One line for each event: when, what, for how long, and by whom or why.
pub(super) fn in_words(history: &MessageHistory, paint: Paint) -> Vec<String> {
    let mut lines: Vec<_> = history
        .clone()
        .entries()
        .map(|(event, lasted)| line(&event, lasted, paint))
        .collect();
    if history.truncated {
        lines.insert(0, "… there was more before".into());
    }
    lines
}

fn line(event: &Event, lasted: Option<u64>, paint: Paint) -> String {
    let name = words::happening(event.happening);
    let tone = event.to.map(words::tone).unwrap_or_default();
    let name = tone.paint(&format!("{name:12}"), paint);
    let time = local_time(event.at);
    let state = match (event.to, lasted) {
        (Some(state), Some(lasted)) => format!("{} for {}", words::state(state), span(lasted)),
        (Some(state), None) => words::state(state).to_owned(),
        (None, _) => String::new(),
    };
    let about = words::event_about(event);
    let line = format!("{time}  {name}  {state:24}  {}", one_line(&about));
    line.trim_end().to_owned()
}
