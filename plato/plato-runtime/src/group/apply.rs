//! What comes in, handed to the workflows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use blob::BlobRef;
use errors::{Class, Error};
use plato::limits::{MAX_BLOBS, MAX_INLINE_BYTES, MAX_MAP_INLINE_BYTES};
use plato::{Event, Header, Input, State, Step, Success, TaskRef, Value, Workflow};
use timestone::{LeasedMessage, Refusal};
use timestone_client::names;

use super::live::Live;
use super::relay::Ack;
use super::round::Round;
use super::workflows::Workflows;
use crate::incoming::{Done, Incoming, Start};
use crate::jobs::{Job, Outcome, Prepared, Sweep, count_results};
use crate::records::log::KeptLog;
use crate::records::outbox::Row;
use crate::{keys, records, wire};

/// How a try ended, and what its function said, where that was kept.
pub(crate) type EndOfTry = (Result<Done, Error>, Option<BlobRef>);

/// What the store already says about the messages of a round.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Messages that were handled before, by id.
    pub(crate) handled: HashSet<String>,
    /// Workflows of rules that were canceled.
    pub(crate) canceled_rules: HashSet<String>,
    /// Workflows that have ended, as they did.
    pub(crate) ended: HashMap<String, State>,
    /// What those put out, of which some are to go on.
    pub(crate) outputs: HashMap<String, Value>,
}

impl Workflows {
    /// Handles one message of the inbox.
    pub(crate) fn receive(
        &mut self,
        message: LeasedMessage,
        incoming: Result<Incoming, Error>,
        known: &Known,
        round: &mut Round,
    ) {
        let id = &message.token.key.id;
        if known.handled.contains(id) {
            self.duplicate(id);
            return round.done.push(message.token);
        }
        match incoming {
            Err(error) => return round.refused.push((message.token, error)),
            // Never relied upon, so not worth remembering.
            Ok(Incoming::Progress {
                workflow,
                node,
                element,
                fraction,
            }) => {
                self.progress(&workflow, &node, element, fraction, round);
            }
            Ok(Incoming::CallProgress { call, fraction }) => {
                self.call_progress(&call, fraction, round);
            }
            Ok(Incoming::Facts(facts)) => {
                round.judged = true;
                let has_ended = known.canceled_rules.contains(&facts.workflow)
                    || self.forgotten.contains(&facts.workflow);
                if let Err(error) = self.take_facts(*facts, has_ended, round) {
                    return round.refused.push((message.token, error));
                }
                round.put(keys::inbox(day(round.now_ms), id), bytes::Bytes::new());
            }
            Ok(incoming) => {
                // No try ends twice, so the journal tells of its end whether it was handled.
                round.judged = true;
                if !incoming.ends_a_try() {
                    round.put(keys::inbox(day(round.now_ms), id), bytes::Bytes::new());
                }
                self.act(incoming, known, round);
            }
        }
        round.done.push(message.token);
    }

    fn act(&mut self, incoming: Incoming, known: &Known, round: &mut Round) {
        match incoming {
            Incoming::Start(start) => self.start(*start, known, round),
            Incoming::Cancel { workflow, reason } => self.cancel(workflow, reason, known, round),
            Incoming::Pause { workflow, reason } => {
                self.control(&workflow, Input::Pause { reason }, round);
            }
            Incoming::Resume { workflow } => self.control(&workflow, Input::Resume, round),
            Incoming::Retry { workflow, from } => {
                self.retry(&workflow, from.as_deref(), known, round);
            }
            Incoming::Signal(signal) => self.signal(*signal, round),
            Incoming::Result {
                invocation,
                result,
                log,
            } => self.result(&invocation, (result, log), round),
            Incoming::Terminated { invocation, error } => {
                self.result(&invocation, (Err(error), None), round);
            }
            Incoming::Progress { .. } | Incoming::CallProgress { .. } | Incoming::Facts(_) => {}
        }
    }

    fn start(&mut self, start: Start, known: &Known, round: &mut Round) {
        let id = start.workflow.as_str();
        let has_ended = known.ended.contains_key(id) || self.forgotten.contains(id);
        if self.live.contains_key(id) || has_ended {
            return self.duplicate(id);
        }
        let rules = &self.shared.definitions.rules;
        if let Some(activation) = rules.get(&start.definition, start.version).cloned() {
            return match self.ruled.live.contains_key(id) || known.canceled_rules.contains(id) {
                true => self.duplicate(id),
                false => self.start_rules(activation, start, round),
            };
        }
        round.put(keys::input(id), records::encode_value(&start.input));
        for (name, value) in &start.header.attributes {
            round.put(keys::with_attribute(name, value, id), bytes::Bytes::new());
        }
        match self
            .shared
            .definitions
            .graphs
            .get(&start.definition, start.version)
        {
            Some(activation) => self.begin(Arc::clone(activation), start, round),
            None => self.refuse(start, round),
        }
    }

    fn begin(&mut self, activation: Arc<plato::Activation>, start: Start, round: &mut Round) {
        let plan = Arc::clone(activation.plan());
        let window = self.shared.config.window;
        let Start {
            workflow: id,
            header,
            input,
            ..
        } = start;
        tracing::info!(
            workflow = id,
            definition = plan.definition().name,
            "workflow started"
        );
        let (workflow, step) = Workflow::start(plan, window, &id, header, &input, round.now_ms);
        let live = Live::new(workflow, activation, self.epoch).with_input(input, &self.room);
        let key = Arc::clone(&live.id);
        self.live.insert(Arc::clone(&key), live);
        self.absorb(&key, &step, round);
        if self.canceled.remove(&id).is_some() {
            round.delete(keys::canceled(&id));
            let reason = "canceled before it started".to_owned();
            self.handle(&id, Input::Cancel { reason }, round);
        }
    }

    /// Ends a workflow that cannot be run, so that whoever waits for it hears of it.
    fn refuse(&mut self, start: Start, round: &mut Round) {
        let Start {
            workflow: id,
            definition,
            version,
            header,
            ..
        } = start;
        let known: Vec<String> = self
            .shared
            .definitions
            .graphs
            .names()
            .map(|(name, version)| format!("{name} v{version}"))
            .collect();
        let message = format!("there is no definition {definition} of version {version}");
        let error = Error::user("UNKNOWN_DEFINITION", message)
            .at("definition")
            .hint(format!("this process knows {}", known.join(", ")));
        let header = Header {
            definition,
            version,
            ..header
        };
        self.end_at_once(&id, header, error, round);
    }

    fn cancel(&mut self, workflow: String, reason: String, known: &Known, round: &mut Round) {
        if self.ruled.live.contains_key(workflow.as_str()) {
            let input = plato_rules::Input::Cancel { reason };
            return self.handle_rules(&workflow, input, round);
        }
        if self.live.contains_key(workflow.as_str()) {
            self.handle(&workflow, Input::Cancel { reason }, round);
        } else if !known.ended.contains_key(&workflow) {
            round.put(
                keys::canceled(&workflow),
                records::encode_time(round.now_ms),
            );
            self.canceled.insert(workflow, round.now_ms);
        }
    }

    fn result(&mut self, invocation: &str, end: EndOfTry, round: &mut Round) {
        let Some(end) = self.run_ended(invocation, end, round) else {
            return;
        };
        let Some((id, task)) = self.out.get(invocation).cloned() else {
            return self.late(invocation);
        };
        self.finish(&id, task, end, round);
    }

    /// The end of a try, wherever it ran.
    fn finish(&mut self, id: &str, task: TaskRef, end: EndOfTry, round: &mut Round) {
        let (result, log) = end;
        let result = result.and_then(|done| self.check(id, task, done));
        let log = log.map(|log| KeptLog::of(round.now_ms, result.as_ref().err(), log));
        let step = match result {
            Err(error) => self.handle(id, Input::Failed(task, error), round),
            Ok(done) => {
                let step = self.handle(id, Input::Succeeded(task, success(&done)), round);
                if step.as_ref().is_some_and(has_succeeded) {
                    self.keep(id, task, done.value, round);
                }
                step
            }
        };
        let Some(step) = step else {
            return;
        };
        self.keep_failed_by(id, task, &step, round);
        if let Some(log) = log {
            self.keep_log(id, task, &step, &log, round);
        }
    }

    /// Refuses a result that is too large to be kept.
    fn check(&self, id: &str, task: TaskRef, done: Done) -> Result<Done, Error> {
        self.check_count(id, task, &done.value)?;
        let limit = match self.is_map(id, task) && self.batch(id, task).is_none() {
            true => MAX_MAP_INLINE_BYTES,
            false => MAX_INLINE_BYTES,
        };
        let (bytes, blobs) = (done.value.inline.len(), done.value.blobs.len());
        match bytes <= limit && blobs <= MAX_BLOBS {
            true => Ok(done),
            false => Err(Error::function(
                "RESULT_TOO_LARGE",
                format!("a result of {bytes} bytes and {blobs} blobs"),
            )
            .hint(format!(
                "at most {limit} bytes and {MAX_BLOBS} blobs; put more in a blob"
            ))),
        }
    }

    /// Refuses the answer to a task of several elements that is not a result for each.
    fn check_count(&self, id: &str, task: TaskRef, answer: &Value) -> Result<(), Error> {
        let Some(live) = self.live.get(id) else {
            return Ok(());
        };
        let span = live.workflow.span(task.node, task.element);
        let hint = "answer with a JSON array, or a list, that has a result for each element";
        let Some(asked) = self.batch(id, task).map(|_| span.end - span.start) else {
            return Ok(());
        };
        match count_results(answer).map_err(|error| error.hint(hint))? {
            answered if answered == asked => Ok(()),
            answered => Err(Error::function(
                "WRONG_COUNT",
                format!("{answered} results for {asked} elements"),
            )
            .hint(hint)),
        }
    }

    /// How many elements a task of a map is given, where that may be several.
    fn batch(&self, id: &str, task: TaskRef) -> Option<u32> {
        self.live.get(id)?.activation.plan().node(task.node).batch
    }

    /// How often a node of a live workflow has begun anew.
    fn run_of(&self, id: &str, node: plato::NodeId) -> Option<u32> {
        Some(self.live.get(id)?.run_of(node))
    }

    fn is_map(&self, id: &str, task: TaskRef) -> bool {
        self.live
            .get(id)
            .is_some_and(|live| live.activation.plan().is_map(task.node))
    }

    fn keep(&mut self, id: &str, task: TaskRef, value: Value, round: &mut Round) {
        let key = match self.is_map(id, task) {
            true => {
                let run = self.run_of(id, task.node).unwrap_or_default();
                keys::result(id, task.node, run, task.element)
            }
            false => keys::output(id, task.node),
        };
        round.put(key, records::encode_value(&value));
        if !self.is_map(id, task) {
            self.keep_output(id, task.node, value);
        }
    }

    pub(crate) fn keep_output(&mut self, id: &str, node: plato::NodeId, value: Value) {
        if let Some(live) = self.live.get_mut(id) {
            live.keep_output(node, value);
        }
    }

    fn progress(&mut self, id: &str, node: &str, element: u64, fraction: f64, round: &mut Round) {
        let Some(live) = self.live.get(id) else {
            return;
        };
        let id = Arc::clone(&live.id);
        if let Some(node) = live.activation.plan().find(node) {
            // One that comes late is of no interest to anybody.
            if let Some(live) = self.live.get_mut(&id) {
                live.workflow.handle(
                    Input::Progress {
                        node,
                        element,
                        fraction,
                    },
                    round.now_ms,
                );
            }
            self.tell_soon(&id);
        }
    }

    /// A call says nothing of the workflow that it is for.
    fn call_progress(&mut self, call: &str, fraction: f64, round: &mut Round) {
        let Some((id, task)) = self.out.get(call).cloned() else {
            return;
        };
        let TaskRef { node, element, .. } = task;
        let progress = Input::Progress {
            node,
            element,
            fraction,
        };
        if let Some(live) = self.live.get_mut(&id) {
            live.workflow.handle(progress, round.now_ms);
        }
        self.tell_soon(&id);
    }

    /// Handles the end of a job.
    pub(crate) fn job_ended(&mut self, outcome: Outcome, round: &mut Round) {
        match outcome {
            Outcome::Prepared {
                workflow,
                node,
                prepared,
                took,
            } => {
                self.prepared_beside(&workflow, node, &prepared, took);
                self.prepared(&workflow, node, prepared, round);
            }
            Outcome::Ran {
                workflow,
                task,
                result,
            } => {
                let result = result.map(|value| Done {
                    value,
                    ..Done::default()
                });
                self.finish(&workflow, task, (result, None), round);
            }
            // What was begun for an earlier run of the node says nothing of this one.
            Outcome::Sealed {
                workflow,
                node,
                run,
                ..
            }
            | Outcome::Decided {
                workflow,
                node,
                run,
                ..
            } if self.run_of(&workflow, node).is_some_and(|now| now != run) => self.late(&workflow),
            Outcome::Sealed {
                workflow,
                node,
                result,
                ..
            } => self.sealed(&workflow, node, result, round),
            Outcome::Decided {
                workflow,
                node,
                result,
                ..
            } => drop(self.handle(&workflow, Input::Decided(node, result), round)),
            Outcome::Swept {
                sweep,
                keys,
                through,
            } => {
                if through {
                    self.swept(&sweep);
                }
                swept(sweep, keys, through, round);
            }
            Outcome::Forgotten(found) => self.forget(found, round),
        }
    }

    /// How long the code took tells whether it may run within a round.
    fn prepared_beside(
        &mut self,
        id: &str,
        node: plato::NodeId,
        prepared: &[Prepared],
        took: Duration,
    ) {
        if let (Some(live), [_]) = (self.live.get(id), prepared) {
            self.paces.took(&live.activation, node, took);
        }
    }

    pub(crate) fn prepared(
        &mut self,
        id: &str,
        node: plato::NodeId,
        prepared: Vec<Prepared>,
        round: &mut Round,
    ) {
        let (mut tasks, mut messages) = (Vec::new(), HashMap::new());
        for Prepared {
            element,
            generation,
            message,
        } in prepared
        {
            let task = TaskRef {
                node,
                element,
                generation,
            };
            match message {
                Err(error) => drop(self.handle(id, Input::Unprepared(task, error), round)),
                Ok(message) => {
                    tasks.push((element, generation));
                    messages.insert((element, generation), message);
                }
            }
        }
        let step = self.handle(id, Input::Prepared(node, tasks), round);
        for task in step.iter().flat_map(dispatched) {
            if let Some(message) = messages.remove(task) {
                self.enqueue(message, round);
            }
        }
    }

    fn sealed(
        &mut self,
        id: &str,
        node: plato::NodeId,
        result: Result<Value, Error>,
        round: &mut Round,
    ) {
        let value = match result {
            Ok(value) => value,
            Err(error) => return drop(self.handle(id, Input::Unsealed(node, error), round)),
        };
        let step = self.handle(id, Input::Sealed(node), round);
        if step.is_some_and(|step| step.ignored.is_none()) {
            round.put(keys::output(id, node), records::encode_value(&value));
            self.keep_output(id, node, value);
            let run = self.run_of(id, node).unwrap_or_default();
            sweep_results(id, node, run, round);
        }
    }

    /// Keeps in mind what was simply handed on; the rest needs a round.
    pub(crate) fn note_sent(&mut self, acks: Vec<Ack>) -> Vec<Ack> {
        let now_ms = self.shared.now_ms();
        let is_sent = |ack: &Ack| matches!((&ack.row, &ack.refusal), (Row::Enqueue(_), None));
        let (sent, rest): (Vec<_>, Vec<_>) = acks.into_iter().partition(is_sent);
        for ack in sent {
            self.sent.add(ack.number, now_ms);
        }
        rest
    }

    /// Handles what the relay has handed on.
    pub(crate) fn relayed(&mut self, ack: Ack, round: &mut Round) {
        round.delete(keys::outbox(ack.number));
        match (ack.row, ack.refusal) {
            (Row::Cancel { key, .. }, _) => self.told(&key.id, round),
            (Row::CancelCall { call, .. }, _) => self.told(&call, round),
            (Row::Enqueue(_), None) => {}
            (Row::Enqueue(message), Some(refusal)) => self.not_sent(&message.id, &refusal, round),
        }
    }

    /// An invocation or a call was told to stop, unless it had ended before.
    fn told(&mut self, invocation: &str, round: &mut Round) {
        if let Some((id, task)) = self.out.get(invocation).cloned() {
            self.handle(&id, Input::Told(vec![task]), round);
        }
    }

    fn not_sent(&mut self, message: &str, refusal: &Refusal, round: &mut Round) {
        tracing::warn!(message, %refusal, "timestone refused a message of the outbox");
        self.run_not_sent(message, refusal, round);
        let class = match refusal {
            // What is wrong with it will be wrong the next time, too.
            Refusal::Invalid { .. } => Class::User,
            Refusal::Canceled(_) => Class::Canceled,
            _ => Class::Platform,
        };
        if let Some((id, task)) = self.out.get(message).cloned() {
            let error = Error::new(class, refusal.code(), refusal.to_string());
            self.handle(&id, Input::Failed(task, error), round);
        }
    }

    fn end_at_once(&mut self, id: &str, header: Header, error: Error, round: &mut Round) {
        let started = Event::Started(Box::new(header.clone()));
        let ends = [
            Event::Failing {
                error: Box::new(error),
            },
            Event::Ended {
                end: plato::End::Failed,
            },
        ];
        let mut state = State::new(id, header, round.now_ms);
        for event in &ends {
            // Events of the whole workflow fit any state.
            let _ = state.apply(event, round.now_ms);
        }
        let entry = plato::Entry {
            first: 0,
            at_ms: round.now_ms,
            events: [started].into_iter().chain(ends).collect(),
        };
        round.put(keys::journal(id, 0), records::encode_entry(&entry));
        round.put(keys::ended(id), records::encode_state(&state));
        round.put(keys::ended_at(state.at_ms, id), bytes::Bytes::new());
        if let Some(message) = refused_message(&state, self.epoch) {
            self.enqueue(message, round);
        }
    }
}

/// Tells of a workflow that never ran.
fn refused_message(state: &State, epoch: u64) -> Option<timestone::NewMessage> {
    let sequence = (epoch << 32) + 1;
    let queue = (!state.header.notify.is_empty()).then(|| state.header.notify.clone())?;
    Some(timestone::NewMessage {
        queue,
        id: names::event_id(&state.id, sequence),
        payload: wire::event(wire::Telling {
            workflow: &state.id,
            header: &state.header,
            sequence,
            phase: state.phase,
            nodes: Vec::new(),
            output: None,
            error: state.error.as_ref(),
        }),
        priority: state.header.priority,
        ..timestone::NewMessage::default()
    })
}

/// The results are in the list now, or of no interest any more.
pub(super) fn sweep_results(id: &str, node: plato::NodeId, run: u32, round: &mut Round) {
    let prefix = keys::results_prefix(id, node, run);
    round.put(keys::garbage(&prefix), bytes::Bytes::new());
    round.jobs.push(Job::Sweep(Sweep::of_prefix(&prefix)));
}

fn swept(sweep: Sweep, keys: Vec<bytes::Bytes>, through: bool, round: &mut Round) {
    keys.into_iter().for_each(|key| round.delete(key));
    match through {
        true => sweep
            .remembered_by
            .into_iter()
            .for_each(|key| round.delete(key)),
        false => round.jobs.push(Job::Sweep(sweep)),
    }
}

fn success(done: &Done) -> Success {
    let blobs: u64 = done.value.blobs.iter().map(|named| named.blob.size).sum();
    Success {
        elements: done.value.list.as_ref().map(|list| list.count),
        bytes: blobs + done.value.inline.len() as u64,
        from_memo: done.from_memo,
        cpu_ms: done.cpu_ms,
        decode_cpu_ms: done.decode_cpu_ms,
    }
}

fn has_succeeded(step: &Step) -> bool {
    step.events
        .iter()
        .any(|event| matches!(event, Event::TaskSucceeded { .. }))
}

fn dispatched(step: &Step) -> impl Iterator<Item = &(u64, u32)> {
    step.events.iter().flat_map(|event| match event {
        Event::TasksDispatched { tasks, .. } => tasks.as_slice(),
        _ => &[],
    })
}

/// Days since the Unix epoch.
pub(crate) fn day(unix_ms: i64) -> u32 {
    u32::try_from(unix_ms / 86_400_000).unwrap_or(0)
}
