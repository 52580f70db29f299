//! The workflows of rules of a group. What a rule runs is handed on in the commit
//! that journals its firing, so it is handed on once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use errors::{Class, Error};
use plato::{Header, Value};
use plato_rules::{Entry, Event, Input, NewFact, Phase, RuleActivation, RunOn, Session, Step};
use timestone::{MessageKey, Refusal};
use timestone_client::names;

use super::apply::EndOfTry;
use super::logs::put_log;
use super::round::Round;
use super::rule_message;
use super::workflows::{Workflows, pop_due};
use crate::incoming::{Facts, Start};
use crate::keys::Try;
use crate::records::log::KeptLog;
use crate::records::outbox::Row;
use crate::{keys, records, wire};

/// A workflow of rules in the memory of its owner.
pub(crate) struct LiveRules {
    pub(crate) id: Arc<str>,
    pub(crate) session: Session,
    pub(crate) activation: Arc<RuleActivation>,
    pub(crate) header: Arc<Header>,
    /// Events that the newest snapshot is the fold of, if there is one.
    pub(crate) snapshot: Option<u64>,
    due_ms: Option<i64>,
}

/// Which firing a run that is out is for, and which try it is.
#[derive(Clone, Debug)]
pub(crate) struct RunOf {
    workflow: Arc<str>,
    firing: u64,
    generation: u32,
}

/// All workflows of rules of a group.
#[derive(Default)]
pub(crate) struct Ruled {
    pub(crate) live: HashMap<Arc<str>, LiveRules>,
    /// Runs that are out, by the id of their message.
    out: HashMap<String, RunOf>,
    timers: BTreeSet<(i64, Arc<str>)>,
}

impl LiveRules {
    pub(crate) fn new(session: Session, activation: Arc<RuleActivation>) -> Self {
        Self {
            id: session.state().id.as_str().into(),
            header: Arc::new(session.state().header.clone()),
            session,
            activation,
            snapshot: None,
            due_ms: None,
        }
    }
}

impl Ruled {
    pub(crate) fn due(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }
}

impl Workflows {
    /// Puts rules to work; a second start is nothing new.
    pub(crate) fn start_rules(
        &mut self,
        activation: Arc<RuleActivation>,
        start: Start,
        round: &mut Round,
    ) {
        let id = start.workflow.as_str();
        for (name, value) in &start.header.attributes {
            round.put(keys::with_attribute(name, value, id), bytes::Bytes::new());
        }
        let rules = Arc::clone(activation.rules());
        tracing::info!(
            workflow = id,
            rules = rules.base().name,
            "rules put to work"
        );
        let (session, step) = Session::start(rules, id, start.header, round.now_ms);
        let live = LiveRules::new(session, activation);
        let key = Arc::clone(&live.id);
        self.ruled.live.insert(Arc::clone(&key), live);
        self.absorb_rules(&key, step, round);
    }

    /// Facts from outside; those of a workflow that is not there start it, if they
    /// say by which rules.
    ///
    /// # Errors
    /// With all that is wrong with them; then none is taken.
    pub(crate) fn take_facts(
        &mut self,
        facts: Facts,
        has_ended: bool,
        round: &mut Round,
    ) -> Result<(), Error> {
        if !self.ruled.live.contains_key(facts.workflow.as_str()) {
            self.start_for(&facts, has_ended, round)?;
        }
        self.move_rules(&facts.workflow, round);
        if let Some(live) = self.ruled.live.get(facts.workflow.as_str()) {
            check(&live.session, &facts.facts, facts.retract)?;
        }
        let live = self.ruled.live.get(facts.workflow.as_str());
        let was_halted = live.is_some_and(|live| {
            let state = live.session.state();
            state.phase == Phase::Halted && state.paused.is_none()
        });
        let input = match facts.retract {
            true => Input::Retract(facts.facts),
            false => Input::Assert(facts.facts),
        };
        self.handle_rules(&facts.workflow, input, round);
        if was_halted {
            // Other facts may make an end of what had none.
            self.handle_rules(&facts.workflow, Input::Resume, round);
        }
        Ok(())
    }

    fn start_for(
        &mut self,
        facts: &Facts,
        has_ended: bool,
        round: &mut Round,
    ) -> Result<(), Error> {
        let known = self.shared.definitions.rules.get(&facts.rules, 0);
        let problem = match known {
            _ if has_ended => format!("workflow {} has ended", facts.workflow),
            _ if facts.rules.is_empty() => {
                format!("there is no workflow of rules {}", facts.workflow)
            }
            None => format!("there is no rule base {}", facts.rules),
            Some(activation) => {
                let activation = Arc::clone(activation);
                let start = Start {
                    workflow: facts.workflow.clone(),
                    definition: facts.rules.clone(),
                    version: 0,
                    input: Value::default(),
                    header: facts.header.clone(),
                };
                start.check()?;
                self.start_rules(activation, start, round);
                return Ok(());
            }
        };
        Err(Error::user("NO_RULES", problem).hint("start it, or name its rule base with the facts"))
    }

    /// Has a quiet subject go on by the newest rules (seam S12).
    pub(crate) fn move_rules(&mut self, id: &str, round: &mut Round) {
        let Some(live) = self.ruled.live.get_mut(id) else {
            return;
        };
        let name = &live.session.state().header.definition;
        let Some(newest) = self.shared.definitions.rules.get(name, 0) else {
            return;
        };
        let Some(step) = live
            .session
            .move_to(Arc::clone(newest.rules()), round.now_ms)
        else {
            return;
        };
        live.activation = Arc::clone(newest);
        let id = Arc::clone(&live.id);
        self.absorb_rules(&id, step, round);
    }

    pub(crate) fn handle_rules(&mut self, id: &str, input: Input, round: &mut Round) {
        let Some(live) = self.ruled.live.get_mut(id) else {
            return;
        };
        let step = live.session.handle(input, round.now_ms);
        let id = Arc::clone(&live.id);
        self.absorb_rules(&id, step, round);
    }

    fn absorb_rules(&mut self, id: &Arc<str>, step: Step, round: &mut Round) {
        if step.is_ignored {
            self.late(id);
        }
        for (place, error) in &step.refused {
            tracing::warn!(workflow = %id, place, %error, "a fact was refused");
        }
        let halted = step.events.iter().filter_map(|event| match event {
            Event::Halted { error } => Some(error),
            _ => None,
        });
        halted.for_each(|error| tracing::error!(workflow = %id, %error, "rules halted"));
        if !step.events.is_empty() {
            // Before what the runs lead to, if they end at once.
            let events = round.rule_events.entry(Arc::clone(id)).or_default();
            events.extend(step.events);
        }
        for run in step.runs {
            self.hand_on(id, run, round);
        }
        for (firing, generation) in step.stop {
            self.stop_run(id, firing, generation, round);
        }
        self.set_rules_timer(id);
    }

    fn hand_on(&mut self, id: &Arc<str>, run: plato_rules::RunNow, round: &mut Round) {
        let Some(live) = self.ruled.live.get(id) else {
            return;
        };
        let of = RunOf {
            workflow: Arc::clone(id),
            firing: run.firing,
            generation: run.generation,
        };
        let place = rule_message::Place {
            workflow: id,
            header: &live.header,
            service: &self.shared.config.service,
            groups: self.shared.config.groups,
            reply_to: &self.shared.inbox(self.group),
        };
        match rule_message::message(&place, live.activation.code(&run.rule), &run) {
            Ok(message) => {
                self.ruled.out.insert(message.id.clone(), of);
                self.enqueue(message, round);
            }
            // What cannot be asked for ends the run at once.
            Err(error) => self.end_run(of, Err(error), round),
        }
    }

    /// Takes over the runs that were out when the group was recovered.
    pub(crate) fn resume_rules(&mut self, round: &mut Round) {
        let mut live: Vec<Arc<str>> = self.ruled.live.keys().cloned().collect();
        live.sort_unstable();
        for id in live {
            if let Some(live) = self.ruled.live.get(&id) {
                let out = live.session.state().out().map(|(firing, of, generation)| {
                    let run = RunOf {
                        workflow: Arc::clone(&id),
                        firing,
                        generation,
                    };
                    (ids::invocation(&id, &of.rule, firing, generation), run)
                });
                let out: Vec<(String, RunOf)> = out.collect();
                self.ruled.out.extend(out);
            }
            self.move_rules(&id, round);
            self.set_rules_timer(&id);
        }
    }

    /// The end of a run, if `message` is one; else it comes back.
    pub(crate) fn run_ended(
        &mut self,
        message: &str,
        end: EndOfTry,
        round: &mut Round,
    ) -> Option<EndOfTry> {
        let Some(of) = self.ruled.out.remove(message) else {
            return Some(end);
        };
        let (result, log) = end;
        if let Some(log) = log {
            let log = KeptLog::of(round.now_ms, result.as_ref().err(), log);
            self.keep_log_of_run(&of, &log, round);
        }
        self.end_run(of, result.map(|done| wire::run_result(&done.value)), round);
        None
    }

    fn keep_log_of_run(&self, of: &RunOf, log: &KeptLog, round: &mut Round) {
        let live = self.ruled.live.get(&of.workflow);
        let firing = live.and_then(|live| live.session.state().firing(of.firing));
        if let Some(firing) = firing {
            let of = Try {
                workflow: &of.workflow,
                node: &firing.rule,
                element: of.firing,
                generation: of.generation,
            };
            put_log(&of, log, round);
        }
    }

    fn end_run(&mut self, of: RunOf, result: Result<serde_json::Value, Error>, round: &mut Round) {
        let RunOf {
            workflow,
            firing,
            generation,
        } = of;
        self.handle_rules(
            &workflow,
            Input::Ended {
                firing,
                generation,
                result,
            },
            round,
        );
    }

    /// A run whose message Timestone refused.
    pub(crate) fn run_not_sent(&mut self, message: &str, refusal: &Refusal, round: &mut Round) {
        let class = match refusal {
            Refusal::Invalid { .. } => Class::User,
            Refusal::Canceled(_) => Class::Canceled,
            _ => Class::Platform,
        };
        if let Some(of) = self.ruled.out.remove(message) {
            let error = Error::new(class, refusal.code(), refusal.to_string());
            self.end_run(of, Err(error), round);
        }
    }

    fn stop_run(&mut self, id: &Arc<str>, firing: u64, generation: u32, round: &mut Round) {
        let Some(live) = self.ruled.live.get(id) else {
            return;
        };
        let state = live.session.state();
        let Some((_, of)) = state.firings().find(|(number, _)| *number == firing) else {
            return;
        };
        let (run, rule) = (
            live.activation.rules().run(&of.rule).cloned(),
            of.rule.clone(),
        );
        let message = ids::invocation(id, &rule, firing, generation);
        self.ruled.out.remove(&message);
        let reason = state
            .error
            .as_ref()
            .map_or(String::new(), |error| error.message.clone());
        let about = wire::About {
            workflow: id,
            header: &live.header,
            priority: live.header.priority,
            reply_to: "",
        };
        let row = match run {
            None => return,
            Some(RunOn::Function(function)) => Row::Cancel {
                key: MessageKey {
                    queue: names::function(&function),
                    id: message,
                },
                reason,
            },
            Some(RunOn::Service { service, .. }) => Row::Enqueue(rule_message::cancel_call(
                &about, &service, &message, &reason,
            )),
            Some(RunOn::Workflow { .. }) => {
                let config = &self.shared.config;
                Row::Enqueue(rule_message::cancel_workflow(
                    &about,
                    &config.service,
                    config.groups,
                    &message,
                    &reason,
                ))
            }
        };
        self.send(row, round);
    }

    /// Journals what rules did, in the round's commit.
    pub(crate) fn close_rules(&mut self, round: &mut Round) {
        for (id, events) in std::mem::take(&mut round.rule_events) {
            self.journal_rules(&id, events, round);
            let Some(live) = self.ruled.live.get_mut(&id) else {
                continue;
            };
            let state = live.session.state();
            if state.phase == Phase::Canceled {
                round.delete(keys::rules_snapshot(&id));
                round.put(keys::rules_ended(&id), records::encode_rules(state));
                round.put(keys::ended_at(state.at_ms, &id), bytes::Bytes::new());
                self.tally.ended(plato::Phase::Canceled);
                self.ruled.live.remove(&id);
                continue;
            }
            // The more there is to write, the seldomer: at most as much as the journal.
            let every = self.shared.config.snapshot_every.max(state.size() as u64);
            let is_due = |of: u64| state.events >= of.saturating_add(every);
            if live.snapshot.is_none_or(is_due) {
                let (events, snapshot) = (state.events, records::encode_rules(state));
                live.snapshot = Some(events);
                round.put(keys::rules_snapshot(&id), snapshot);
            }
        }
    }

    fn journal_rules(&mut self, id: &Arc<str>, events: Vec<Event>, round: &mut Round) {
        let Some(live) = self.ruled.live.get(id) else {
            return;
        };
        let count = events.len() as u64;
        let fired = events
            .iter()
            .filter(|event| matches!(event, Event::Fired(_)));
        let fired = fired.count() as u64;
        let first = live.session.state().events.saturating_sub(count);
        let entry = Entry {
            first,
            at_ms: round.now_ms,
            events,
        };
        round.put(
            keys::rules_journal(id, first),
            records::encode_rules_entry(&entry),
        );
        self.tally.events.add(count);
        self.tally.fired.add(fired);
    }

    fn set_rules_timer(&mut self, id: &Arc<str>) {
        let Some(live) = self.ruled.live.get_mut(id) else {
            return;
        };
        let due = live.session.due();
        if due == live.due_ms {
            return;
        }
        if let Some(old) = std::mem::replace(&mut live.due_ms, due) {
            self.ruled.timers.remove(&(old, Arc::clone(id)));
        }
        self.ruled
            .timers
            .extend(due.map(|due| (due, Arc::clone(id))));
    }

    pub(crate) fn tick_rules(&mut self, round: &mut Round) {
        while let Some((_, id)) = pop_due(&mut self.ruled.timers, round.now_ms) {
            if let Some(live) = self.ruled.live.get_mut(&id) {
                live.due_ms = None;
            }
            self.handle_rules(&id, Input::Tick, round);
        }
    }
}

/// Everything that is wrong with these facts.
fn check(session: &Session, facts: &[NewFact], retract: bool) -> Result<(), Error> {
    let wrong = facts.iter().enumerate().filter_map(|(place, fact)| {
        let problem = match retract {
            true => session.memory().by_key(&fact.kind, &fact.fields).err(),
            false => session.memory().check(&fact.kind, &fact.fields).err(),
        };
        problem.map(|problem| {
            Error::user("MALFORMED_FACT", problem.to_string()).at(format!("facts[{place}]"))
        })
    });
    let wrong: Vec<Error> = wrong.take(plato::limits::MAX_ERROR_CAUSES).collect();
    match wrong.len() {
        0 => Ok(()),
        count => {
            let error = Error::user(
                "MALFORMED_FACTS",
                format!("{count} facts do not fit their types"),
            );
            Err(wrong.into_iter().fold(error, Error::caused_by))
        }
    }
}
