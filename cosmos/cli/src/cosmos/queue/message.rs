//! `cosmos queue message`.

use timestone::{MessageKey, MessageState, MessageView};
use timestone_client::MessageHistory;

use super::args::MessageArgs;
use super::payload::Payload;
use super::server::refused;
use super::{Desk, history, json, payload, words};
use crate::colour::Paint;
use crate::explain::{explain, one_line};
use crate::stop::Stop;
use crate::units::{Size, away, count, local_time};

pub(super) async fn message(desk: &Desk, args: &MessageArgs) -> Result<(), Stop> {
    let key = MessageKey {
        queue: args.queue.clone(),
        id: args.id.clone(),
    };
    let view = desk.server.message(&key).await?;
    let history = history::of(desk, &key).await?;
    if view.is_none() && history.events.is_empty() {
        // Which of both is not there?
        desk.server.queue(&args.queue).await?;
        return Err(refused(timestone::Refusal::NotFound(key)).into());
    }
    let entries: Vec<_> = history.clone().entries().collect();
    let words = || all_in_words(view.as_ref(), &key, &history, desk.paint);
    let told = json::Told::new(view.as_ref(), &entries);
    desk.output.result(&told, words);
    Ok(())
}

fn all_in_words(
    view: Option<&MessageView>,
    key: &MessageKey,
    history: &MessageHistory,
    paint: Paint,
) -> String {
    let gone = || {
        [
            line("message", &one_line(&key.id)),
            line("queue", &one_line(&key.queue)),
            line("state", "forgotten"),
        ]
        .join("\n")
    };
    let mut lines = vec![view.map_or_else(gone, |view| in_words(view, words::now(), paint))];
    let history = history::in_words(history, paint).into_iter().enumerate();
    lines.extend(history.map(|(n, text)| line(if n == 0 { "history" } else { "" }, &text)));
    lines.join("\n")
}

fn in_words(view: &MessageView, now: i64, paint: Paint) -> String {
    let state = words::tone(view.state).paint(&state(view, now), paint);
    let mut lines = vec![
        line("message", &one_line(&view.key.id)),
        line("queue", &one_line(&view.key.queue)),
        line("state", &state),
        line("priority", &priority(view.priority)),
        line("tries", &tries(view)),
        line("version", &view.version.to_string()),
    ];
    lines.extend(
        Some(words::metadata(view))
            .filter(|text| !text.is_empty())
            .map(|text| line("metadata", &text)),
    );
    match Payload::of(&view.payload) {
        Some(payload) => lines.extend(carried(&payload, now)),
        None => lines.push(line("payload", "none, or not any more")),
    }
    let error = payload::error(view).map(|error| explain(&[error], paint));
    lines.extend(error.map(|text| text.trim_end().to_owned()));
    lines.join("\n")
}

fn line(name: &str, value: &str) -> String {
    format!("{name:10}  {value}")
}

fn state(view: &MessageView, now: i64) -> String {
    let owner = view.owner.as_deref().map(one_line).unwrap_or_default();
    let until = view.until.map(|until| moment(until, now));
    match (view.state, until) {
        (MessageState::Running, Some(until)) => {
            format!("running, leased by {owner} until {until}")
        }
        (MessageState::Invisible, Some(until)) => format!("invisible until {until}"),
        (state, _) => words::state(state).to_owned(),
    }
}

fn moment(at: i64, now: i64) -> String {
    format!("{} ({})", local_time(at), away(at, now))
}

/// Deadlines of the years 2001 to 2286, in milliseconds.
const DEADLINES: std::ops::Range<i64> = 1_000_000_000_000..10_000_000_000_000;

/// By convention a deadline.
fn priority(priority: i64) -> String {
    match DEADLINES.contains(&priority) {
        true => format!("{priority} (as a deadline: {})", local_time(priority)),
        false => priority.to_string(),
    }
}

fn tries(view: &MessageView) -> String {
    let (made, left) = (view.deliveries, view.attempts_left);
    format!("{made} made, {left} left")
}

fn carried(payload: &Payload, now: i64) -> Vec<String> {
    let size = match payload.bytes {
        bytes @ 0..1_024 => count(bytes as u64, "byte"),
        bytes => Size(bytes as u64).to_string(),
    };
    let mut lines = vec![line("payload", &format!("{}, {size}", payload.name()))];
    let texts = [
        ("tenant", &payload.tenant),
        ("principal", &payload.principal),
        ("belongs to", &payload.correlation_id),
        ("reply to", &payload.reply_to),
    ];
    for (name, text) in texts {
        lines.extend(text.iter().map(|text| line(name, &one_line(text))));
    }
    let deadline = payload.deadline_unix_ms.map(|at| moment(at, now));
    lines.extend(deadline.map(|text| line("deadline", &text)));
    if !payload.preview.is_empty() {
        lines.push(line("holds", &one_line(&payload.preview)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use buffa::Message;
    use bytes::Bytes;
    use errors::Error;
    use proto::base::v1 as base;
    use timestone_client::envelope;

    use super::*;

    #[test]
    fn a_message_is_told_in_words() {
        let error = Error::function("EXIT_1", "it broke").hint("mend it");
        let view = MessageView {
            key: MessageKey {
                queue: "jobs".into(),
                id: "17".into(),
            },
            state: MessageState::Errored,
            priority: 5,
            deliveries: 16,
            attempts_left: 0,
            owner: None,
            until: None,
            metadata: [("tenant".to_owned(), "a".to_owned())].into(),
            version: 7,
            error: Some(base::Error::from(error).encode_to_vec().into()),
            payload: envelope::to_payload(&base::Envelope {
                r#type: "shop.v1.Order".into(),
                body: b"a horse".to_vec(),
                correlation_id: "w".into(),
                ..Default::default()
            }),
        };
        let expected = "\
message     17
queue       jobs
state       errored
priority    5
tries       16 made, 0 left
version     7
metadata    tenant=a
payload     shop.v1.Order, 27 bytes
belongs to  w
holds       a horse
error: it broke [EXIT_1]
  help: mend it";
        assert_eq!(in_words(&view, 0, Paint::default()), expected);
    }

    #[test]
    fn who_holds_it_and_until_when_is_said() {
        let view = |state, owner: Option<&str>| MessageView {
            key: MessageKey {
                queue: "q".into(),
                id: "m".into(),
            },
            state,
            priority: 0,
            deliveries: 1,
            attempts_left: 1,
            owner: owner.map(str::to_owned),
            until: Some(100_000),
            metadata: Default::default(),
            version: 1,
            error: None,
            payload: Bytes::new(),
        };
        let running = state(&view(MessageState::Running, Some("w@host")), 40_000);
        assert!(
            running.starts_with("running, leased by w@host until "),
            "{running}"
        );
        assert!(running.ends_with(" (in 1 m)"), "{running}");
        let waiting = state(&view(MessageState::Invisible, None), 101_000);
        assert!(waiting.ends_with(" (1 s ago)"), "{waiting}");
    }

    #[test]
    fn a_priority_may_be_a_deadline() {
        assert_eq!(priority(-3), "-3");
        assert!(priority(1_785_000_000_000).contains("as a deadline: 2026-07-"));
    }
}
