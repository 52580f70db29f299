//! `cosmos queue peek`.

use timestone::{Filter, MessageState, MessageView, QueueView};

use super::args::PeekArgs;
use super::find::Pages;
use super::payload::Payload;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table, Tone};

pub(super) async fn peek(desk: &Desk, args: &PeekArgs) -> Result<(), Stop> {
    let queue = desk.server.queue(&args.queue).await?;
    let next = next(desk, args).await?;
    next.iter()
        .for_each(|view| desk.output.item(&json::Message::from(view)));
    if !desk.json && !next.is_empty() {
        desk.output.result(&(), || table(&next).render(desk.paint));
    }
    notes(&queue, next.is_empty())
        .iter()
        .for_each(|note| desk.output.say(note));
    Ok(())
}

/// The first that are pending, with their payloads.
async fn next(desk: &Desk, args: &PeekArgs) -> Result<Vec<MessageView>, Stop> {
    let filter = Filter {
        states: vec![MessageState::Pending],
        ..Filter::default()
    };
    let mut pages = Pages::new(&args.queue, filter);
    let found = pages.next(&desk.server, args.limit.into()).await?;
    let mut next = Vec::new();
    for view in found.into_iter().flatten() {
        let whole = desk.server.message(&view.key).await?;
        // It may have been leased meanwhile.
        next.extend(whole.filter(|view| view.state == MessageState::Pending));
    }
    Ok(next)
}

/// What else decides about what is leased next.
fn notes(queue: &QueueView, nothing: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if nothing {
        let waiting = words::waiting(&queue.count);
        notes.push(format!("nothing may be leased now: {waiting}"));
    }
    if queue.config.dequeue_blocked {
        notes.push("the queue is blocked: nothing is leased (`cosmos queue unblock`)".into());
    }
    if let Some(key) = queue.config.exclusive_key() {
        let key = one_line(key);
        notes.push(format!(
            "one at a time of each {key}: those whose {key} runs are passed over"
        ));
    }
    if let Some(key) = queue.config.tenant_key() {
        let key = one_line(key);
        notes.push(format!(
            "each {key} takes turns: the order is that within one {key}"
        ));
    }
    notes
}

fn table(next: &[MessageView]) -> Table {
    let mut table = Table::new(&[
        Column::name("ID"),
        Column::number("PRIORITY"),
        Column::number("TRIES"),
        Column::cut("TYPE"),
        Column::opening("HOLDS"),
    ]);
    for view in next {
        let payload = Payload::of(&view.payload).unwrap_or_default();
        table.row([
            one_line(&view.key.id).into(),
            view.priority.to_string().into(),
            view.deliveries.to_string().into(),
            payload.name().into(),
            Cell::toned(one_line(&payload.preview), Tone::Faint),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use timestone::{Fairness, QueueConfig, QueueCount, QueueKind};

    use super::*;

    #[test]
    fn what_decides_beside_urgency_is_said() {
        let queue = |config| QueueView {
            config,
            configured: true,
            deleting: false,
            count: QueueCount {
                invisible: 3,
                ..QueueCount::default()
            },
        };
        assert_eq!(notes(&queue(QueueConfig::default()), false), [""; 0]);
        let all = QueueConfig {
            kind: QueueKind::Exclusive { key: "doc".into() },
            fairness: Some(Fairness {
                key: "tenant".into(),
                weights: Default::default(),
            }),
            dequeue_blocked: true,
            ..QueueConfig::default()
        };
        assert_eq!(
            notes(&queue(all), true),
            [
                "nothing may be leased now: 3 invisible",
                "the queue is blocked: nothing is leased (`cosmos queue unblock`)",
                "one at a time of each doc: those whose doc runs are passed over",
                "each tenant takes turns: the order is that within one tenant",
            ]
        );
    }
}
