//! `cosmos queue show`.

use timestone::{QueueConfig, QueueView};

use super::args::ShowArgs;
use super::{Desk, json};
use crate::colour::Paint;
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table, Tone};
use crate::units::span;

pub(super) async fn show(desk: &Desk, args: &ShowArgs) -> Result<(), Stop> {
    let view = desk.server.queue(&args.queue).await?;
    let words = || in_words(&view, desk.paint);
    desk.output.result(&json::Queue::from(&view), words);
    Ok(())
}

fn in_words(view: &QueueView, paint: Paint) -> String {
    let title = format!("queue        {}", one_line(&view.count.queue));
    let lines = standing(view)
        .into_iter()
        .chain(settings(&view.config))
        .map(|(name, value)| format!("{name:11}  {value}"));
    let lines: Vec<_> = std::iter::once(title).chain(lines).collect();
    format!("{}\n\n{}", lines.join("\n"), counts(view).render(paint))
}

fn standing(view: &QueueView) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if view.deleting {
        lines.push(("deleting", "it takes and gives no messages any more".into()));
    }
    if !view.configured {
        lines.push(("configured", "no; these are the defaults".into()));
    }
    lines
}

/// The configuration, by the names that `put` has for it.
pub(super) fn settings(config: &QueueConfig) -> Vec<(&'static str, String)> {
    let blocked = match (config.enqueue_blocked, config.dequeue_blocked) {
        (false, false) => "no",
        (true, false) => "enqueue: it takes no messages",
        (false, true) => "dequeue: it gives no messages",
        (true, true) => "enqueue and dequeue: it takes and gives no messages",
    };
    vec![
        ("blocked", blocked.into()),
        ("lease", span(config.lease_ms)),
        ("delay", span(config.invisible_ms)),
        ("attempts", config.attempts.to_string()),
        ("retention", span(config.retention_ms)),
        ("depth", config.max_depth.to_string()),
        (
            "exclusive",
            one_line(config.exclusive_key().unwrap_or("no")),
        ),
        ("fair", fair(config)),
        ("dead letter", dead_letter(config)),
        ("index", index(config)),
        ("partitions", config.partitions.to_string()),
    ]
}

fn fair(config: &QueueConfig) -> String {
    let Some(fairness) = &config.fairness else {
        return "no".into();
    };
    let weights = fairness.weights.iter().take(20);
    let weights = weights.map(|(value, turns)| format!("; {value}={turns}"));
    let more = match fairness.weights.len() {
        0..=20 => "",
        _ => "; …",
    };
    one_line(&format!(
        "{}{}{more}",
        fairness.key,
        weights.collect::<String>()
    ))
}

fn dead_letter(config: &QueueConfig) -> String {
    match &config.dead_letter {
        None => "no".into(),
        Some(letters) if letters.copy => one_line(&format!("{}, as copies", letters.queue)),
        Some(letters) => one_line(&letters.queue),
    }
}

fn index(config: &QueueConfig) -> String {
    let keys: Vec<_> = config.indexed.iter().map(|key| one_line(key)).collect();
    match keys.is_empty() {
        true => "no".into(),
        false => keys.join(", "),
    }
}

fn counts(view: &QueueView) -> Table {
    let titles = [
        "PENDING",
        "INVISIBLE",
        "RUNNING",
        "ERRORED",
        "COMPLETED",
        "CANCELED",
    ];
    let mut table = Table::new(&titles.map(Column::number));
    let count = &view.count;
    table.row([
        Cell::count(count.pending, Tone::Plain),
        Cell::count(count.invisible, Tone::Plain),
        Cell::count(count.running, Tone::Notable),
        Cell::count(count.errored, Tone::Bad),
        Cell::count(count.completed, Tone::Plain),
        Cell::count(count.canceled, Tone::Plain),
    ]);
    table
}

#[cfg(test)]
mod tests {
    use timestone::{DeadLetter, Fairness, QueueCount, QueueKind};

    use super::*;

    #[test]
    fn a_queue_is_told_in_words() {
        let view = QueueView {
            config: QueueConfig {
                kind: QueueKind::Exclusive { key: "doc".into() },
                enqueue_blocked: true,
                dead_letter: Some(DeadLetter {
                    queue: "jobs/dead".into(),
                    copy: true,
                }),
                fairness: Some(Fairness {
                    key: "tenant".into(),
                    weights: [("big".to_owned(), 3)].into(),
                }),
                indexed: ["kind".to_owned()].into(),
                ..QueueConfig::default()
            },
            configured: false,
            deleting: false,
            count: QueueCount {
                queue: "jobs\u{1b}".into(),
                running: 2,
                ..QueueCount::default()
            },
        };
        let expected = "\
queue        jobs\\u{1b}
configured   no; these are the defaults
blocked      enqueue: it takes no messages
lease        30 s
delay        0 s
attempts     16
retention    1 d
depth        10000000
exclusive    doc
fair         tenant; big=3
dead letter  jobs/dead, as copies
index        kind
partitions   1

PENDING  INVISIBLE  RUNNING  ERRORED  COMPLETED  CANCELED
      0          0        2        0          0         0";
        assert_eq!(in_words(&view, Paint::default()), expected);
    }
}
