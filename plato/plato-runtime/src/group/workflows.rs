//! The workflows of a group in memory. Everything here is synchronous: inputs go
//! in, and what is to be committed collects in a [`Round`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plato::{Event, Ignored, Input, NodeId, Run, Step, TaskRef, Value};
use timestone::{MessageKey, NewMessage};
use timestone_client::names;

use super::live::Live;
use super::pace::Paces;
use super::round::Round;
use super::rules::Ruled;
use super::sent::Sent;
use super::values::Room;
use crate::counters::{Counters, Part};
use crate::records::outbox::Row;
use crate::shared::Shared;
use crate::{keys, records, wire};

/// An outbox row is refused by Timestone after this long, so that it never
/// outlives the memory by which a second one is recognised: a day, less an hour.
const OUTBOX_LIFE_MS: i64 = 23 * 3_600_000;

pub(crate) struct Workflows {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: u32,
    pub(crate) epoch: u64,
    pub(crate) live: HashMap<Arc<str>, Live>,
    /// What each invocation that is out is for.
    pub(crate) out: HashMap<String, (Arc<str>, TaskRef)>,
    /// Cancels that came before their start, and when, in Unix milliseconds.
    pub(crate) canceled: BTreeMap<String, i64>,
    /// When which workflow is to be ticked.
    pub(crate) timers: BTreeSet<(i64, Arc<str>)>,
    /// When which workflow is to be told of.
    pub(crate) tellings: BTreeSet<(i64, Arc<str>)>,
    pub(crate) next_outbox: u64,
    pub(crate) sent: Sent,
    /// What the values of live workflows take.
    pub(crate) room: Arc<Room>,
    pub(crate) paces: Paces,
    pub(crate) ruled: Ruled,
    /// Workflows that are forgotten, and of which something is left.
    pub(crate) forgotten: BTreeSet<String>,
    /// How often a workflow that had ended was taken up again.
    pub(crate) taken_up: u64,
    pub(crate) part: Part,
    /// What is counted once its round is committed.
    pub(crate) tally: Counters,
}

impl Workflows {
    pub(crate) fn new(shared: Arc<Shared>, group: u32, epoch: u64) -> Self {
        Self {
            part: Part::new(&shared.counters),
            shared,
            group,
            epoch,
            live: HashMap::new(),
            out: HashMap::new(),
            canceled: BTreeMap::new(),
            timers: BTreeSet::new(),
            tellings: BTreeSet::new(),
            next_outbox: 0,
            sent: Sent::default(),
            room: Arc::default(),
            paces: Paces::default(),
            ruled: Ruled::default(),
            forgotten: BTreeSet::new(),
            taken_up: 0,
            tally: Counters::default(),
        }
    }

    /// Hands `input` to a workflow; what it did, if the workflow is live.
    pub(crate) fn handle(&mut self, id: &str, input: Input, round: &mut Round) -> Option<Step> {
        let live = self.live.get_mut(id)?;
        let step = live.workflow.handle(input, round.now_ms);
        let id = Arc::clone(&live.id);
        self.absorb(&id, &step, round);
        Some(step)
    }

    /// Takes over what a step of a live workflow led to.
    pub(crate) fn absorb(&mut self, id: &Arc<str>, step: &Step, round: &mut Round) {
        if let Some(ignored) = step.ignored {
            self.count_ignored(id, ignored);
        }
        for task in &step.cancel {
            self.tell_to_stop(id, *task, round);
        }
        for event in &step.events {
            self.follow(id, event);
            self.begin_again(id, event, round);
            self.keep_error(id, event, round);
            self.keep_default(id, event, round);
            self.forget_failed_by(id, event, round);
        }
        if !step.events.is_empty() {
            round
                .events
                .entry(Arc::clone(id))
                .or_default()
                .extend_from_slice(&step.events);
        }
    }

    fn count_ignored(&self, id: &str, ignored: Ignored) {
        match ignored {
            Ignored::Late => self.late(id),
            Ignored::Duplicate => self.duplicate(id),
        }
    }

    pub(crate) fn late(&self, what: &str) {
        self.tally.late.add(1);
        tracing::info!(what, "late result refused");
    }

    pub(crate) fn duplicate(&self, what: &str) {
        self.tally.duplicates.add(1);
        tracing::info!(what, "duplicate result ignored");
    }

    /// Keeps the table of what is out in step with the journal.
    fn follow(&mut self, id: &Arc<str>, event: &Event) {
        match event {
            Event::TasksDispatched { node, tasks } => {
                of_node(*node, tasks).for_each(|task| self.went_out(id, task));
            }
            Event::TasksStopped { node, tasks } => {
                of_node(*node, tasks).for_each(|task| self.came_back(id, task));
            }
            Event::TaskSucceeded {
                node,
                element,
                generation,
                ..
            }
            | Event::TaskFailed {
                node,
                element,
                generation,
                ..
            } => {
                let tasks = [(*element, *generation)];
                of_node(*node, &tasks).for_each(|task| self.came_back(id, task));
            }
            _ => {}
        }
    }

    /// What a node that is passed over puts out, if anything.
    fn keep_default(&mut self, id: &Arc<str>, event: &Event, round: &mut Round) {
        let (Event::NodeSkipped { node, .. }, Some(live)) = (event, self.live.get(id)) else {
            return;
        };
        if let Some(default) = &live.activation.plan().node(*node).default {
            let value = Value::inline(default.to_string());
            round.put(keys::output(id, *node), records::encode_value(&value));
            self.keep_output(id, *node, value);
        }
    }

    /// An element that may fail has its error for a result.
    fn keep_error(&self, id: &Arc<str>, event: &Event, round: &mut Round) {
        let Event::TaskFailed {
            node,
            element,
            retry_at_ms: None,
            error,
            ..
        } = event
        else {
            return;
        };
        let Some(live) = self.live.get(id) else {
            return;
        };
        if live.activation.plan().node(*node).allow_failed.is_some() {
            let value = Value::failed(plato::brief(error));
            let key = keys::result(id, *node, live.run_of(*node), *element);
            round.put(key, records::encode_value(&value));
        }
    }

    pub(crate) fn went_out(&mut self, id: &Arc<str>, task: TaskRef) {
        if let Some(key) = self.invocation(id, task) {
            self.out.insert(key.id, (Arc::clone(id), task));
        }
    }

    fn came_back(&mut self, id: &Arc<str>, task: TaskRef) {
        if let Some(key) = self.invocation(id, task) {
            self.out.remove(&key.id);
        }
    }

    fn tell_to_stop(&mut self, id: &Arc<str>, task: TaskRef, round: &mut Round) {
        let error = self
            .live
            .get(id)
            .and_then(|live| live.workflow.state().error.as_ref());
        let reason = error.map_or("the try took too long", |error| error.message.as_str());
        let reason: String = reason.chars().take(200).collect();
        if let Some(row) = self.stop(id, task, reason, round.now_ms) {
            self.send(row, round);
        }
    }

    /// How a try is told to stop. An invocation is a message until it has ended, so
    /// its message is canceled; a call has become a request of its service by then, and
    /// a start a workflow.
    fn stop(&self, id: &str, task: TaskRef, reason: String, now_ms: i64) -> Option<Row> {
        let key = self.invocation(id, task)?;
        let live = self.live.get(id)?;
        let node = live.activation.plan().node(task.node);
        let payload = match node.run {
            Run::Service { .. } => wire::cancel_call,
            Run::Workflow { .. } => wire::cancel_workflow,
            _ => return Some(Row::Cancel { key, reason }),
        };
        let about = wire::About {
            workflow: id,
            header: &live.header,
            priority: node.priority.unwrap_or(live.header.priority),
            reply_to: "",
        };
        let message = NewMessage {
            queue: key.queue,
            id: names::cancel_id(&key.id),
            payload: payload(&about, &key.id, &reason),
            priority: about.priority,
            not_after: Some(now_ms.saturating_add(OUTBOX_LIFE_MS)),
            ..NewMessage::default()
        };
        let call = key.id;
        Some(Row::CancelCall { call, message })
    }

    /// The message that carries a try, unless its node runs inline.
    fn invocation(&self, id: &str, task: TaskRef) -> Option<MessageKey> {
        let node = self.live.get(id)?.activation.plan().node(task.node);
        let id = task.invocation(id, &node.name);
        let config = &self.shared.config;
        let queue = match &node.run {
            Run::Inline | Run::Signal | Run::Timer(_) => return None,
            Run::Function(function) => names::function(function),
            Run::Service { service, .. } => names::service_calls(service),
            Run::Workflow { .. } => names::inbox_of_workflow(&config.service, &id, config.groups),
        };
        Some(MessageKey { queue, id })
    }

    /// Puts a message into the outbox.
    pub(crate) fn enqueue(&mut self, message: NewMessage, round: &mut Round) {
        let not_after = Some(round.now_ms.saturating_add(OUTBOX_LIFE_MS));
        self.send(
            Row::Enqueue(NewMessage {
                not_after,
                ..message
            }),
            round,
        );
    }

    pub(crate) fn send(&mut self, row: Row, round: &mut Round) {
        let number = self.next_outbox;
        self.next_outbox += 1;
        round.put(keys::outbox(number), row.encode());
        round.outbox.push((number, row));
    }

    /// Deletes the rows that were handed on.
    pub(crate) fn forget_sent(&mut self, round: &mut Round) {
        let numbers = self.sent.take();
        numbers
            .into_iter()
            .for_each(|number| round.delete(keys::outbox(number)));
    }

    /// Enters when the workflow has something to do by itself.
    pub(crate) fn set_timer(&mut self, id: &Arc<str>) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        let due = live.workflow.due();
        if due == live.due_ms {
            return;
        }
        if let Some(old) = std::mem::replace(&mut live.due_ms, due) {
            self.timers.remove(&(old, Arc::clone(id)));
        }
        self.timers.extend(due.map(|due| (due, Arc::clone(id))));
    }

    /// Forgets cancels whose workflow has not started for as long as messages are remembered.
    pub(crate) fn forget_old_cancels(&mut self, round: &mut Round) {
        let retention = self.shared.config.inbox_retention.as_millis();
        let retention = i64::try_from(retention).unwrap_or(i64::MAX);
        let oldest = round.now_ms.saturating_sub(retention);
        self.canceled.retain(|workflow, at_ms| {
            let is_young = *at_ms >= oldest;
            if !is_young {
                round.delete(keys::canceled(workflow));
            }
            is_young
        });
    }

    /// When the group next has something to do by itself, in Unix milliseconds.
    pub(crate) fn due(&self) -> Option<i64> {
        let timer = self.timers.first().map(|(due, _)| *due);
        let telling = self.tellings.first().map(|(due, _)| *due);
        let rules = self.ruled.due();
        let sent = self.sent.due();
        [timer, telling, rules, sent].into_iter().flatten().min()
    }

    /// Ticks the workflows whose time has come, and tells of those that are due.
    pub(crate) fn tick(&mut self, round: &mut Round) {
        self.tick_rules(round);
        while let Some((_, id)) = pop_due(&mut self.timers, round.now_ms) {
            if let Some(live) = self.live.get_mut(&id) {
                live.due_ms = None;
            }
            self.handle(&id, Input::Tick, round);
            self.set_going(&id, round);
        }
        while let Some((_, id)) = pop_due(&mut self.tellings, round.now_ms) {
            if let Some(live) = self.live.get_mut(&id) {
                live.told_ms = round.now_ms;
                round.progress.extend(live.tell());
            }
        }
    }

    /// Has the workflow's next work done, even where nothing was journaled.
    fn set_going(&mut self, id: &Arc<str>, round: &mut Round) {
        if !round.events.contains_key(id)
            && let Some(live) = self.live.get_mut(id)
        {
            round.jobs.extend(live.jobs(round.now_ms));
            self.set_timer(id);
        }
    }

    /// Tells how the workflow is doing, soon.
    pub(crate) fn tell_soon(&mut self, id: &Arc<str>) {
        let Some(live) = self
            .live
            .get(id)
            .filter(|live| !live.header.notify.is_empty())
        else {
            return;
        };
        let every = i64::try_from(self.shared.config.notify_every.as_millis()).unwrap_or(i64::MAX);
        let due = live.told_ms.saturating_add(every);
        self.tellings.insert((due, Arc::clone(id)));
    }
}

fn of_node(node: NodeId, tasks: &[(u64, u32)]) -> impl Iterator<Item = TaskRef> {
    let tasks = tasks.iter();
    tasks.map(move |(element, generation)| TaskRef {
        node,
        element: *element,
        generation: *generation,
    })
}

pub(super) fn pop_due(set: &mut BTreeSet<(i64, Arc<str>)>, now_ms: i64) -> Option<(i64, Arc<str>)> {
    let due = set.first().is_some_and(|(due, _)| *due <= now_ms);
    due.then(|| set.pop_first()).flatten()
}
