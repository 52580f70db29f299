//! The journal of rules, played again to the rules of today.
//!
//! Each event either was caused from outside, or follows from one that was. The cause is put to
//! the session again; all that follows has to be what was recorded, event by event.

use std::sync::Arc;

use errors::Error;
use plato_rules::{
    By, Entry, Event, FactId, FiringPhase, Input, NewFact, RuleBase, Rules, Session, State,
};

use super::SUBJECT;
use super::recorded::RulesRecording;
use crate::replay::{Diverged, Divergence};

/// Replays a recording by its own rules.
///
/// # Errors
/// With the first divergence.
pub fn replay_rules(recording: &RulesRecording) -> Result<(), Diverged<Event>> {
    replay_rules_on(recording, recording.base.clone())
}

/// Replays a recording by other rules: those of today.
///
/// # Errors
/// With the first divergence, or when those rules are not valid.
pub fn replay_rules_on(recording: &RulesRecording, base: RuleBase) -> Result<(), Diverged<Event>> {
    let mut replay = Replay {
        rules: Arc::new(Rules::new(base)?),
        recording,
        session: None,
    };
    let mut entries = recording.history.iter();
    entries
        .try_for_each(|entry| replay.entry(entry))
        .map_err(|divergence| Diverged::At(divergence.into()))
}

struct Replay<'a> {
    rules: Arc<Rules>,
    recording: &'a RulesRecording,
    session: Option<Session>,
}

impl Replay<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Divergence<Event>> {
        let mut done = 0;
        while done < entry.events.len() {
            let rest = &entry.events[done..];
            let got = self.cause(rest, entry.at_ms);
            let number = entry.first + done as u64;
            self.compare(number, rest, &got)?;
            done += got.len();
        }
        Ok(())
    }

    fn compare(
        &self,
        number: u64,
        expected: &[Event],
        got: &[Event],
    ) -> Result<(), Divergence<Event>> {
        let same = expected.iter().zip(got).take_while(|(a, b)| same(a, b));
        let same = same.count();
        if same == got.len() && !got.is_empty() {
            return Ok(());
        }
        let (expected, got) = (expected.get(same).cloned(), got.get(same).cloned());
        let rule = expected.as_ref().or(got.as_ref());
        Err(Divergence {
            number: number + same as u64,
            node: rule.and_then(|event| self.rule(event)),
            expected,
            got,
        })
    }

    /// The rule that an event is about.
    fn rule(&self, event: &Event) -> Option<String> {
        let firing = match event {
            Event::Fired(fired) => return Some(fired.rule.clone()),
            Event::TriedAgain { firing, .. }
            | Event::Retrying { firing, .. }
            | Event::Succeeded { firing, .. }
            | Event::Failed { firing, .. }
            | Event::Ceased { firing } => *firing,
            _ => return None,
        };
        let known = self.session.as_ref()?.state().firing(firing);
        known.map(|firing| firing.rule.clone())
    }

    /// What comes of the cause of the first of these events today.
    fn cause(&mut self, events: &[Event], at_ms: i64) -> Vec<Event> {
        let rules = Arc::clone(&self.rules);
        match (events.first(), &mut self.session) {
            (Some(Event::Started(header)), None) => {
                let header = (**header).clone();
                let (session, step) = Session::start(rules, SUBJECT, header, at_ms);
                self.session = Some(session);
                step.events
            }
            (Some(_), Some(session)) => {
                let input = input(self.recording, session.state(), events);
                input.map_or_else(Vec::new, |input| session.handle(input, at_ms).events)
            }
            _ => Vec::new(),
        }
    }
}

/// Another version of rules that begins the same is no divergence.
fn same(recorded: &Event, now: &Event) -> bool {
    match (recorded, now) {
        (Event::Started(recorded), Event::Started(now)) => recorded.definition == now.definition,
        _ => recorded == now,
    }
}

/// What caused the first of these events; `None` for one that only ever follows from another.
fn input(recording: &RulesRecording, state: &State, events: &[Event]) -> Option<Input> {
    Some(match events.first()? {
        Event::Asserted { by, .. } | Event::Updated { by, .. } | Event::Confirmed { by, .. }
            if *by == By::Outside =>
        {
            Input::Assert(facts(recording, state, events, false))
        }
        Event::Retracted { by, .. } if *by == By::Outside => {
            Input::Retract(facts(recording, state, events, true))
        }
        Event::TriedAgain { .. } => Input::Tick,
        Event::Retrying {
            firing,
            generation,
            error,
            ..
        } => ended(*firing, *generation, Err(Error::clone(error))),
        Event::Succeeded { firing, generation } => {
            let result = recording.outcome(*firing, *generation);
            ended(
                *firing,
                *generation,
                Ok(result.cloned().unwrap_or_default()),
            )
        }
        Event::Failed { firing, error } => {
            let generation = out(state, *firing)?;
            let result = recording.outcome(*firing, generation).cloned();
            ended(
                *firing,
                generation,
                result.ok_or_else(|| Error::clone(error)),
            )
        }
        Event::Paused { reason } => Input::Pause {
            reason: reason.clone(),
        },
        Event::Resumed => Input::Resume,
        Event::Canceled { reason } => Input::Cancel {
            reason: reason.clone(),
        },
        _ => return None,
    })
}

fn ended(firing: u64, generation: u32, result: Result<serde_json::Value, Error>) -> Input {
    Input::Ended {
        firing,
        generation,
        result,
    }
}

fn out(state: &State, firing: u64) -> Option<u32> {
    match state.firing(firing)?.phase {
        FiringPhase::Out { generation } => Some(generation),
        _ => None,
    }
}

/// The facts that somebody asserted, or took away, before anything else came of it.
fn facts(
    recording: &RulesRecording,
    before: &State,
    events: &[Event],
    retracted: bool,
) -> Vec<NewFact> {
    let (mut state, mut facts) = (before.clone(), Vec::new());
    for event in events {
        let fact = match (event, retracted) {
            (
                Event::Retracted {
                    fact,
                    by: By::Outside,
                    ..
                },
                true,
            ) => {
                facts.extend(known(recording, &state, *fact));
                Some(*fact)
            }
            (
                Event::Asserted {
                    fact,
                    by: By::Outside,
                    ..
                }
                | Event::Updated {
                    fact,
                    by: By::Outside,
                    ..
                }
                | Event::Confirmed {
                    fact,
                    by: By::Outside,
                },
                false,
            ) => Some(*fact),
            // What follows for conclusions.
            (
                Event::Ceased { .. }
                | Event::Retracted {
                    by: By::NoSupport, ..
                },
                _,
            ) => None,
            _ => break,
        };
        let entry = Entry {
            first: state.events,
            at_ms: state.at_ms,
            events: vec![event.clone()],
        };
        // An entry that begins where the state ends is never missing anything.
        let _ = state.replay(&entry);
        if !retracted {
            facts.extend(fact.and_then(|fact| known(recording, &state, fact)));
        }
    }
    facts
}

/// A fact as it stands.
fn known(recording: &RulesRecording, state: &State, wanted: FactId) -> Option<NewFact> {
    let mut facts = state.list();
    let (_, kind, values) = facts.find(|(id, _, _)| *id == wanted)?;
    let names = recording.base.facts.get(kind)?.fields.keys().cloned();
    Some(NewFact {
        kind: kind.to_owned(),
        fields: names.zip(values.into_iter().cloned()).collect(),
    })
}
