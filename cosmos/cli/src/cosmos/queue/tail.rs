//! `cosmos queue tail`: what happens, as it happens.

use std::io::{self, Write};
use std::time::Duration;

use futures::StreamExt;
use serde::Serialize;
use timestone::{Event, MessageState, QueueCount};
use timestone_client::{Timestone, TimestoneError, Watch, WatchRequest, Watched};
use tokio::time::{Instant, sleep, sleep_until};

use super::args::TailArgs;
use super::drain::MIN_INTERVAL;
use super::server::Server;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::signals;
use crate::stop::Stop;
use crate::units::local_time;

/// A server that goes away may be away for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// It is called again after this time.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn tail(desk: &Desk, args: &TailArgs) -> Result<(), Stop> {
    desk.server.queue(&args.queue).await?;
    let stop = signals::stop();
    tokio::select! {
        ended = follow(desk, args) => ended,
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

/// Until the queue is gone, or nobody reads.
async fn follow(desk: &Desk, args: &TailArgs) -> Result<(), Stop> {
    let mut tail = Tail {
        desk,
        interval: args.interval.0.max(MIN_INTERVAL),
        told: QueueCount::default(),
        known: None,
        due: Instant::now(),
    };
    let mut away = Away::default();
    loop {
        let error = match desk
            .server
            .queues
            .watch(WatchRequest::of(&args.queue))
            .await
        {
            Ok(watch) => match tail.along(watch, &mut away).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Err(error) => error,
        };
        away.pause(&desk.server, error).await?;
    }
}

/// How long the server has been away.
#[derive(Default)]
struct Away(Option<Instant>);

impl Away {
    async fn pause(&mut self, server: &Server, error: TimestoneError) -> Result<(), Stop> {
        let since = *self.0.get_or_insert_with(Instant::now);
        let refused = matches!(error, TimestoneError::Refused(_));
        if refused || since.elapsed() > PATIENCE {
            return Err(server.told(error).into());
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

/// What was told, and what is to be.
struct Tail<'a> {
    desk: &'a Desk,
    /// Counts are not told more often.
    interval: Duration,
    told: QueueCount,
    /// A count that is yet to be told.
    known: Option<QueueCount>,
    due: Instant,
}

impl Tail<'_> {
    /// Until there is no more to tell, or the watch broke.
    async fn along(&mut self, mut watch: Watch, away: &mut Away) -> Result<(), TimestoneError> {
        loop {
            let due = self.known.is_some();
            let told = tokio::select! {
                told = watch.next() => told,
                () = sleep_until(self.due), if due => {
                    match self.tell_count() {
                        true => continue,
                        false => return Ok(()),
                    }
                }
            };
            let lost = || TimestoneError::Unavailable("the watch ended".into());
            let told = told.ok_or_else(lost)??;
            away.0 = None;
            if !self.tell(told) {
                return Ok(());
            }
        }
    }

    /// Whether to go on.
    fn tell(&mut self, watched: Watched) -> bool {
        if watched.missed {
            self.desk.output.say("some events came too fast to be told");
        }
        let first = self.told.queue.is_empty();
        let mut events = watched.events.iter();
        let read = events.all(|event| tell_event(self.desk, event));
        self.known = (watched.count != self.told).then_some(watched.count);
        if first || watched.deleted || Instant::now() >= self.due {
            return self.tell_count() && read && !self.deleted(watched.deleted);
        }
        read
    }

    fn deleted(&self, deleted: bool) -> bool {
        if deleted {
            self.desk.output.say("the queue is gone");
        }
        deleted
    }

    /// Whether somebody reads on.
    fn tell_count(&mut self) -> bool {
        let Some(now) = self.known.take() else {
            return true;
        };
        let line = match self.desk.json {
            true => event("counts", json::Counts::from(&now)),
            false => {
                let time = local_time(words::now());
                in_words(self.desk, &time, "counts", None, &counts(&self.told, &now))
            }
        };
        (self.told, self.due) = (now, Instant::now() + self.interval);
        say(&line)
    }
}

/// Whether somebody reads on.
fn tell_event(desk: &Desk, happened: &Event) -> bool {
    let line = match desk.json {
        true => event("message", json::Happened::from(happened)),
        false => {
            let (time, name) = (
                local_time(happened.at),
                words::happening(happened.happening),
            );
            in_words(desk, &time, name, happened.to, &words::happened(happened))
        }
    };
    say(&line)
}

fn in_words(
    desk: &Desk,
    time: &str,
    name: &str,
    state: Option<MessageState>,
    text: &str,
) -> String {
    let time = time.split(' ').next_back().unwrap_or_default();
    let tone = state.map(words::tone).unwrap_or_default();
    let name = tone.paint(&format!("{name:12}"), desk.paint);
    format!("{}  {name}  {}", desk.paint.faint(time), one_line(text))
}

fn event(event: &'static str, of: impl Serialize) -> String {
    serde_json::to_string(&json::Event { event, of }).unwrap_or_default()
}

fn say(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tell_how_they_moved() {
        let count = |pending, running| QueueCount {
            queue: "q".into(),
            pending,
            running,
            ..QueueCount::default()
        };
        assert_eq!(
            counts(&count(3, 1), &count(4, 0)),
            "4 pending (+1), 0 running (-1)"
        );
        let none = QueueCount::default();
        assert_eq!(counts(&none, &none), "no messages");
    }
}
