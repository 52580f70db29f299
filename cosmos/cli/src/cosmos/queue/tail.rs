//! `cosmos queue tail`: what is different at each look.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use timestone::{Filter, MessageKey, MessageState, MessageView, QueueCount, limits};

use super::args::TailArgs;
use super::drain::MIN_INTERVAL;
use super::find::Pages;
use super::server::{Server, no_queue};
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::signals;
use crate::stop::Stop;
use crate::units::local_time;

/// Messages whose end is asked for at one look; of more, the counts tell.
const MAX_ENDS: usize = 200;

pub(super) async fn tail(desk: &Desk, args: &TailArgs) -> Result<(), Stop> {
    let stop = signals::stop();
    tokio::select! {
        ended = follow(desk, args) => ended,
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

/// Until the queue is gone, or nobody reads.
async fn follow(desk: &Desk, args: &TailArgs) -> Result<(), Stop> {
    let first = Look::at(&desk.server, &args.queue).await?;
    let mut before = first.ok_or_else(|| no_queue(&args.queue))?;
    let server = desk.server.patient();
    let mut read = tell(
        desk,
        &Change::Counts(QueueCount::default(), before.count.clone()),
    );
    while read {
        tokio::time::sleep(args.interval.0.max(MIN_INTERVAL)).await;
        let Some(now) = Look::at(&server, &args.queue).await? else {
            desk.output.say("the queue was deleted");
            return Ok(());
        };
        for change in now.since(&before) {
            let change = change.known(&server).await?;
            read &= change.is_none_or(|change| tell(desk, &change));
        }
        before = now;
    }
    Ok(())
}

/// A queue at one moment.
struct Look {
    count: QueueCount,
    /// By id.
    running: BTreeMap<String, MessageView>,
}

/// What is different between two looks.
#[derive(Debug)]
enum Change {
    /// From, to.
    Counts(QueueCount, QueueCount),
    /// How a message stands now.
    Message(Box<MessageView>),
    /// It ran, and does not any more.
    Left(MessageKey),
}

impl Look {
    async fn at(server: &Server, queue: &str) -> Result<Option<Self>, Stop> {
        let Some(view) = server.known_queue(queue).await? else {
            return Ok(None);
        };
        let filter = Filter {
            states: vec![MessageState::Running],
            ..Filter::default()
        };
        let mut pages = Pages::new(queue, filter);
        let page = pages.next(server, limits::MAX_PAGE.into()).await?;
        let running = page.into_iter().flatten();
        Ok(Some(Self {
            count: view.count,
            running: running.map(|view| (view.key.id.clone(), view)).collect(),
        }))
    }

    /// Ends first, then beginnings, then the counts.
    fn since(&self, before: &Self) -> Vec<Change> {
        let is_gone = |id: &&MessageKey| !self.running.contains_key(&id.id);
        let gone = before.running.values().map(|view| &view.key);
        let gone = gone.filter(is_gone).take(MAX_ENDS).cloned();
        let is_new = |view: &&MessageView| {
            let known = before.running.get(&view.key.id);
            known.is_none_or(|known| known.deliveries != view.deliveries)
        };
        let begun = self.running.values().filter(is_new).cloned();
        let counts = (self.count != before.count)
            .then(|| Change::Counts(before.count.clone(), self.count.clone()));
        gone.map(Change::Left)
            .chain(begun.map(|view| Change::Message(Box::new(view))))
            .chain(counts)
            .collect()
    }
}

impl Change {
    /// With what became of the message. `None` where it is forgotten.
    async fn known(self, server: &Server) -> Result<Option<Self>, Stop> {
        let Self::Left(key) = self else {
            return Ok(Some(self));
        };
        let view = server.message(&key).await?;
        Ok(view.map(|view| Self::Message(Box::new(view))))
    }

    fn in_words(&self, desk: &Desk) -> String {
        let time = local_time(words::now());
        let time = desk
            .paint
            .faint(time.split(' ').next_back().unwrap_or_default());
        let (name, tone, text) = match self {
            Self::Counts(before, now) => ("counts", Default::default(), counts(before, now)),
            Self::Message(view) => (
                words::state(view.state),
                words::tone(view.state),
                message(view),
            ),
            Self::Left(key) => ("gone", Default::default(), one_line(&key.id)),
        };
        let name = tone.paint(&format!("{name:9}"), desk.paint);
        format!("{time}  {name}  {text}")
    }
}

/// "3 pending (-1), 1 running (+1)"
fn counts(before: &QueueCount, now: &QueueCount) -> String {
    let states = [
        ("pending", before.pending, now.pending),
        ("invisible", before.invisible, now.invisible),
        ("running", before.running, now.running),
        ("completed", before.completed, now.completed),
        ("canceled", before.canceled, now.canceled),
        ("errored", before.errored, now.errored),
    ];
    let states = states
        .iter()
        .filter(|(_, before, now)| before.max(now) > &0);
    let states: Vec<_> = states
        .map(
            |(name, before, now)| match i128::from(*now) - i128::from(*before) {
                0 => format!("{now} {name}"),
                more => format!("{now} {name} ({more:+})"),
            },
        )
        .collect();
    match states.is_empty() {
        true => "no messages".into(),
        false => states.join(", "),
    }
}

fn message(view: &MessageView) -> String {
    let id = one_line(&view.key.id);
    let about = match view.state {
        // Of a run, which; its metadata stood there when it began.
        MessageState::Completed | MessageState::Canceled => String::new(),
        _ => format!("  try {}  {}", view.deliveries, words::about(view)),
    };
    format!("{id}{about}").trim_end().to_owned()
}

/// Whether somebody reads on.
fn tell(desk: &Desk, change: &Change) -> bool {
    let line = match (desk.json, change) {
        (false, change) => change.in_words(desk),
        (true, Change::Counts(_, now)) => event("counts", json::Counts::from(now)),
        (true, Change::Message(view)) => event("message", json::Message::from(&**view)),
        (true, Change::Left(_)) => return true,
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

fn event(event: &'static str, of: impl Serialize) -> String {
    serde_json::to_string(&json::Event { event, of }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn view(id: &str, deliveries: u32) -> MessageView {
        MessageView {
            key: MessageKey {
                queue: "q".into(),
                id: id.into(),
            },
            state: MessageState::Running,
            priority: 0,
            deliveries,
            attempts_left: 1,
            owner: Some("w@host".into()),
            until: None,
            metadata: Default::default(),
            version: 1,
            error: None,
            payload: Bytes::new(),
        }
    }

    fn look(running: &[(&str, u32)], pending: u64) -> Look {
        Look {
            count: QueueCount {
                queue: "q".into(),
                pending,
                running: running.len() as u64,
                ..QueueCount::default()
            },
            running: running
                .iter()
                .map(|(id, deliveries)| ((*id).to_owned(), view(id, *deliveries)))
                .collect(),
        }
    }

    fn names(changes: &[Change]) -> Vec<String> {
        let name = |change: &Change| match change {
            Change::Counts(..) => "counts".to_owned(),
            Change::Message(view) => message(view),
            Change::Left(key) => format!("left {}", key.id),
        };
        changes.iter().map(name).collect()
    }

    #[test]
    fn what_is_different_is_seen() {
        let before = look(&[("a", 1), ("b", 1), ("c", 1)], 5);
        let now = look(&[("a", 1), ("b", 2), ("d", 1)], 5);
        assert_eq!(
            names(&now.since(&before)),
            ["left c", "b  try 2  by w@host", "d  try 1  by w@host"]
        );
        assert_eq!(names(&now.since(&now)), [""; 0]);
        let less = look(&[("a", 1), ("b", 2), ("d", 1)], 4);
        assert_eq!(names(&less.since(&now)), ["counts"]);
    }

    #[test]
    fn counts_tell_how_they_moved() {
        let (before, now) = (look(&[("a", 1)], 3).count, look(&[], 4).count);
        assert_eq!(counts(&before, &now), "4 pending (+1), 0 running (-1)");
        let none = QueueCount::default();
        assert_eq!(counts(&none, &none), "no messages");
    }
}
