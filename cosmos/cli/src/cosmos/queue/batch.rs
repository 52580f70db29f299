//! How each of several messages fared, and all of them together.

use errors::Error;
use timestone::{MessageKey, MessageView, Outcome, Refusal};

use super::server::refused;
use super::{Desk, json};
use crate::stop::Stop;
use crate::units::count;

/// Refusals that are told one by one.
const TOLD: u64 = 20;

/// What is done to them, in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    /// "redriven"
    pub done: &'static str,
    /// "not errored"
    pub unchanged: &'static str,
}

/// Tells each outcome, and counts.
pub(super) struct Tally<'a> {
    desk: &'a Desk,
    verb: Verb,
    done: u64,
    planned: u64,
    unchanged: u64,
    refused: u64,
    first: Option<Error>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(desk: &'a Desk, verb: Verb) -> Self {
        Self {
            desk,
            verb,
            done: 0,
            planned: 0,
            unchanged: 0,
            refused: 0,
            first: None,
        }
    }

    pub(super) fn fared(&mut self, key: &MessageKey, outcome: Result<Outcome, Refusal>) {
        match outcome {
            Ok(Outcome::Done) => {
                self.done += 1;
                self.item(key, "done");
            }
            Ok(Outcome::Duplicate) => self.unchanged(key),
            Err(refusal) => self.refused(key, refused(refusal)),
        }
    }

    /// It would be done.
    pub(super) fn planned(&mut self, key: &MessageKey) {
        self.planned += 1;
        self.item(key, "planned");
    }

    pub(super) fn unchanged(&mut self, key: &MessageKey) {
        self.unchanged += 1;
        self.item(key, "unchanged");
    }

    pub(super) fn refused(&mut self, key: &MessageKey, error: Error) {
        self.refused += 1;
        let fared = json::Fared::of(key, "refused", Some(&error));
        self.desk.output.item(&fared);
        if !self.desk.json && self.refused <= TOLD {
            self.desk.output.failed(std::slice::from_ref(&error));
        }
        self.first.get_or_insert(error);
    }

    fn item(&self, key: &MessageKey, outcome: &'static str) {
        self.desk.output.item(&json::Fared::of(key, outcome, None));
    }

    /// The sum; a failure where any was refused.
    pub(super) fn end(self) -> Result<(), Stop> {
        if !self.desk.json {
            self.desk.output.result(&(), || self.sum());
        }
        match self.first {
            None => Ok(()),
            Some(error) => Err(Stop::Told(vec![error])),
        }
    }

    fn sum(&self) -> String {
        let Verb { done, unchanged } = self.verb;
        let parts = [
            (self.done, done.to_owned()),
            (self.planned, format!("would be {done}")),
            (self.unchanged, format!("unchanged ({unchanged})")),
            (self.refused, "refused".to_owned()),
        ];
        let parts = parts.iter().filter(|(n, _)| *n > 0).enumerate();
        let parts: Vec<_> = parts
            .map(|(place, (n, what))| match place {
                0 => format!("{} {what}", count(*n, "message")),
                _ => format!("{n} {what}"),
            })
            .collect();
        match parts.is_empty() {
            true => format!("no messages to be {done}"),
            false => parts.join(", "),
        }
    }
}

/// The keys of these ids, each once.
pub(super) fn keys(queue: &str, ids: &[String]) -> Vec<MessageKey> {
    let mut known = std::collections::BTreeSet::new();
    let new = ids.iter().filter(|id| known.insert(*id));
    new.map(|id| MessageKey {
        queue: queue.to_owned(),
        id: id.clone(),
    })
    .collect()
}

/// Reads each, and judges what would become of it; what is not there is refused.
pub(super) async fn rehearse(
    tally: &mut Tally<'_>,
    keys: &[MessageKey],
    judge: impl Fn(&MessageView) -> Result<Outcome, Refusal>,
) -> Result<(), Stop> {
    for key in keys {
        let view = tally.desk.server.message(key).await?;
        let judged = match &view {
            Some(view) => judge(view),
            None => Err(Refusal::NotFound(key.clone())),
        };
        match judged {
            Ok(Outcome::Done) => tally.planned(key),
            judged => tally.fared(key, judged),
        }
    }
    Ok(())
}
