//! One input of one workflow, turned into events.

use blob::Value;
use errors::{Class, Error};

use crate::event::{End, Event, Header, Success};
use crate::input::{Ignored, Input, Step, TaskRef};
use crate::limits::MAX_ELEMENTS;
use crate::node::{Node, NodePhase};
use crate::plan::NodeId;
use crate::retry::Fault;
use crate::state::Phase;
use crate::trim::trimmed;
use crate::workflow::{Doing, Workflow};

mod control;
mod undo;

pub(crate) struct Turn<'a> {
    workflow: &'a mut Workflow,
    now_ms: i64,
    step: Step,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(workflow: &'a mut Workflow, now_ms: i64) -> Self {
        Self {
            workflow,
            now_ms,
            step: Step::default(),
        }
    }

    pub(crate) fn finish(self) -> Step {
        self.step
    }

    /// The first turn: the state already is that of a workflow that has started.
    pub(crate) fn started(&mut self, header: Header, input: &Value) {
        self.step.events.push(Event::Started(Box::new(header)));
        self.skip_by_condition(input);
        self.advance();
    }

    fn skip_by_condition(&mut self, input: &Value) {
        let input = serde_json::from_slice(&input.inline).unwrap_or(serde_json::Value::Null);
        for node in self.workflow.plan.ids() {
            let condition = &self.workflow.plan.node(node).skip_when;
            if condition
                .as_ref()
                .is_some_and(|condition| condition.holds(&input))
            {
                self.pass_over(node, None);
            }
        }
    }

    pub(crate) fn take(&mut self, input: Input) {
        match input {
            Input::Prepared(node, tasks) => self.prepared(node, tasks),
            Input::Unprepared(task, error) => self.unprepared(task, error),
            Input::Succeeded(task, success) => self.succeeded(task, success),
            Input::Failed(task, error) => self.failed(task, error),
            Input::Sealed(node) => self.sealed(node),
            Input::Unsealed(node, error) => self.unsealed(node, error),
            Input::Decided(node, holds) => self.decided(node, holds),
            Input::Told(tasks) => self.told(tasks),
            Input::Cancel { reason } => self.cancel(reason),
            Input::Pause { reason } => self.pause(reason),
            Input::Resume => self.resume(),
            Input::Retry => self.retry(),
            Input::RetryFrom(node) => self.retry_from(node),
            Input::Signal(node, elements) => self.signal(node, elements),
            Input::Progress {
                node,
                element,
                fraction,
            } => self.progress(node, element, fraction),
            Input::Tick => self.tick(),
        }
        if !self.step.events.is_empty() {
            self.advance();
        }
    }

    fn prepared(&mut self, node: NodeId, mut tasks: Vec<(u64, u32)>) {
        tasks.retain(|(element, generation)| {
            self.is_ours(TaskRef {
                node,
                element: *element,
                generation: *generation,
            })
        });
        if tasks.is_empty() {
            return self.step.ignored = Some(Ignored::Late);
        }
        for (element, _) in &tasks {
            self.doing(node).tasks.remove(element);
        }
        self.record(Event::TasksDispatched { node, tasks });
    }

    fn unprepared(&mut self, task: TaskRef, error: Error) {
        if !self.is_ours(task) {
            return self.ignore(task);
        }
        // Preparing is deterministic: only what it had to read can differ next time.
        let fault = match error.class {
            Class::Platform => Fault::Platform,
            _ => Fault::Final,
        };
        self.fault(task, fault, error);
    }

    fn succeeded(&mut self, task: TaskRef, success: Success) {
        if self.is_stopping(task) {
            return self.told(vec![task]);
        }
        if !self.is_current(task) {
            return self.ignore(task);
        }
        self.forget(task);
        self.stop_other(task);
        let TaskRef {
            node,
            element,
            generation,
        } = task;
        self.record(Event::TaskSucceeded {
            node,
            element,
            generation,
            success,
        });
        if !self.workflow.plan.is_map(node) {
            self.record(Event::NodeSucceeded {
                node,
                elements: success.elements,
            });
        }
    }

    fn failed(&mut self, task: TaskRef, error: Error) {
        if self.is_stopping(task) {
            return self.told(vec![task]);
        }
        if !self.is_current(task) {
            return self.ignore(task);
        }
        let fault = Fault::of(&error);
        self.fault(task, fault, error);
    }

    fn fault(&mut self, task: TaskRef, fault: Fault, error: Error) {
        self.forget(task);
        if fault == Fault::Final {
            self.stop_other(task);
        }
        let error = trimmed(error);
        let other = self.node(task.node).other(task.element, task.generation);
        let retry_at_ms = self.retry_at(task, fault).filter(|_| other.is_none());
        self.record(Event::TaskFailed {
            node: task.node,
            element: task.element,
            generation: task.generation,
            fault,
            retry_at_ms,
            error: Box::new(error.clone()),
        });
        // The other try may still end well, and some elements may be lost.
        if retry_at_ms.is_none() && other.is_none() && !self.may_lose(task.node) {
            let error = self.placed(task, error);
            self.fail(task.node, error);
        }
    }

    /// Whether the node goes on with what it has lost.
    fn may_lose(&self, node: NodeId) -> bool {
        let (allowed, state) = (self.workflow.plan.node(node).allow_failed, self.node(node));
        let total = self.workflow.elements(node);
        let lost = self.workflow.elements_in(node, &state.lost);
        allowed.is_some_and(|allowed| lost <= allowed.of(total))
    }

    /// Tells the try that is out beside this one to stop: it has lost.
    fn stop_other(&mut self, task: TaskRef) {
        let TaskRef { node, element, .. } = task;
        if let Some(generation) = self.node(node).other(element, task.generation) {
            self.step.cancel.push(TaskRef { generation, ..task });
            self.record(Event::TasksStopped {
                node,
                tasks: vec![(element, generation)],
            });
        }
    }

    fn retry_at(&self, task: TaskRef, fault: Fault) -> Option<i64> {
        let mut faults = self.node(task.node).faults(task.element);
        faults.count(fault);
        let wait_ms = self
            .workflow
            .plan
            .node(task.node)
            .retry
            .next(&faults, fault)?;
        Some(self.now_ms.saturating_add_unsigned(wait_ms))
    }

    /// The error, saying which task it ended.
    fn placed(&self, task: TaskRef, mut error: Error) -> Error {
        let name = &self.workflow.plan.node(task.node).name;
        let element = match self.workflow.plan.is_map(task.node) {
            true => format!(", {}", self.workflow.named(task.node, task.element)),
            false => String::new(),
        };
        let tries = u64::from(task.generation) + 1;
        error.message = format!("{} (node {name}{element}, try {tries})", error.message);
        error
    }

    fn sealed(&mut self, node: NodeId) {
        if !self.is_sealing(node) {
            return self.step.ignored = Some(Ignored::Late);
        }
        self.doing(node).sealing = false;
        let elements = Some(self.workflow.elements(node));
        self.record(Event::NodeSucceeded { node, elements });
    }

    fn unsealed(&mut self, node: NodeId, error: Error) {
        if !self.is_sealing(node) {
            return self.step.ignored = Some(Ignored::Late);
        }
        self.doing(node).sealing = false;
        self.fail(node, trimmed(error));
    }

    fn is_sealing(&mut self, node: NodeId) -> bool {
        self.is_running(node) && self.doing(node).sealing
    }

    fn fail(&mut self, node: NodeId, error: Error) {
        self.record(Event::NodeFailed { node });
        if self.workflow.plan.is_undo(node) {
            // Its task has told why, and what is left is undone all the same.
            return;
        }
        self.stop(Event::Failing {
            error: Box::new(error),
        });
    }

    fn cancel(&mut self, reason: String) {
        match self.workflow.state.phase {
            Phase::Running => self.stop(Event::Canceling { reason }),
            _ => self.step.ignored = Some(Ignored::Late),
        }
    }

    /// Tells everything that runs to stop.
    fn stop(&mut self, event: Event) {
        self.record(event);
        self.step.cancel.extend(self.workflow.out());
        self.do_nothing();
    }

    /// Forgets what this process did for the workflow.
    fn do_nothing(&mut self) {
        let doing = self.workflow.doing.iter_mut();
        doing.for_each(|doing| *doing = Doing::default());
    }

    fn told(&mut self, tasks: Vec<TaskRef>) {
        let known: Vec<TaskRef> = tasks
            .into_iter()
            .filter(|task| self.is_out(*task))
            .collect();
        if !self.is_ending() || known.is_empty() {
            return self.step.ignored = Some(Ignored::Late);
        }
        for TaskRef {
            node,
            element,
            generation,
        } in known
        {
            self.record(Event::TasksStopped {
                node,
                tasks: vec![(element, generation)],
            });
        }
    }

    fn progress(&mut self, node: NodeId, element: u64, fraction: f64) {
        let known = self.is_running(node) && self.node(node).active.contains_key(&element);
        match known && fraction.is_finite() {
            true => drop(
                self.doing(node)
                    .fractions
                    .insert(element, fraction.clamp(0.0, 1.0)),
            ),
            false => self.step.ignored = Some(Ignored::Late),
        }
    }

    fn tick(&mut self) {
        let deadline_ms = self.workflow.state.header.deadline_ms;
        match self.workflow.state.phase {
            Phase::Running if deadline_ms.is_some_and(|at| at <= self.now_ms) => self.too_late(),
            Phase::Running => self.pass_time(),
            Phase::Failing | Phase::Canceling => self.time_out(),
            Phase::Succeeded | Phase::Failed | Phase::Canceled => {}
        }
    }

    fn too_late(&mut self) {
        let message = "the deadline of the workflow has passed";
        let error = Error::new(Class::Deadline, "DEADLINE_EXCEEDED", message);
        self.stop(Event::Failing {
            error: Box::new(error),
        });
    }

    fn pass_time(&mut self) {
        self.fire_timers();
        self.time_out();
        self.end_late_nodes();
    }

    /// Gives up tries that have taken too long.
    fn time_out(&mut self) {
        let late: Vec<TaskRef> = self
            .workflow
            .out()
            .filter(|task| self.is_over(*task))
            .collect();
        for task in late {
            // The first may have failed the workflow, and so stopped the others.
            if self.is_current(task) {
                self.step.cancel.push(task);
                let error =
                    Error::function("TASK_TIMEOUT", "the try took longer than its node allows");
                self.fault(task, Fault::Function, error);
            }
        }
    }

    fn is_over(&self, task: TaskRef) -> bool {
        let timeout = self.workflow.plan.node(task.node).timeout_ms;
        let since = self.node(task.node).since(task.element, task.generation);
        timeout
            .zip(since)
            .is_some_and(|(timeout, since)| since.saturating_add_unsigned(timeout) <= self.now_ms)
    }

    /// Starts what can start, and ends what has ended.
    fn advance(&mut self) {
        // A node that is passed over may let others start; each round takes at least one.
        while self.workflow.state.phase == Phase::Running && self.start_ready() {}
        if self.is_ending() {
            self.undo_next();
        }
        if let Some(end) = self.end() {
            self.leave_undos(end);
            self.record(Event::Ended { end });
        }
    }

    fn start_ready(&mut self) -> bool {
        let before = self.step.events.len();
        for node in self.workflow.plan.ids() {
            if self.node(node).phase == NodePhase::Waiting && !self.workflow.plan.is_undo(node) {
                self.start_if_ready(node);
            }
        }
        self.step.events.len() > before
    }

    /// One whose condition is to be decided waits for that; see [`crate::work`].
    fn start_if_ready(&mut self, node: NodeId) {
        let plan = &self.workflow.plan;
        let source = plan.source(node).map(|source| self.node(source).phase);
        let asks = plan.node(node).skip_if.is_some();
        if source == Some(NodePhase::Skipped) {
            self.pass_over(node, None);
        } else if !asks && self.workflow.is_ready(node) {
            self.start(node);
        }
    }

    /// A node is passed over; `reason` says by which condition in CEL, if by one.
    fn pass_over(&mut self, node: NodeId, reason: Option<String>) {
        self.record(Event::NodeSkipped { node, reason });
    }

    fn decided(&mut self, node: NodeId, holds: Result<bool, Error>) {
        let is_asked = self
            .workflow
            .doing
            .get(node.index())
            .is_some_and(|doing| doing.deciding);
        if self.workflow.state.phase != Phase::Running || !is_asked {
            return self.step.ignored = Some(Ignored::Late);
        }
        self.doing(node).deciding = false;
        match holds {
            Ok(true) => self.pass_over(node, self.workflow.plan.node(node).skip_if.clone()),
            Ok(false) => self.start(node),
            Err(error) => self.fail(node, trimmed(error)),
        }
    }

    fn start(&mut self, node: NodeId) {
        match self.count_tasks(node) {
            Ok(tasks) => {
                self.record(Event::NodeStarted { node, tasks });
                self.pass_signaled(node);
            }
            // Another node may have failed in the same turn.
            Err(_) if self.is_ending() => {}
            Err(error) => self.fail(node, error),
        }
    }

    fn count_tasks(&self, node: NodeId) -> Result<u64, Error> {
        let Some(source) = self
            .workflow
            .plan
            .source(node)
            .filter(|_| self.workflow.plan.is_map(node))
        else {
            return Ok(1);
        };
        let (map, over) = (
            &self.workflow.plan.node(node).name,
            &self.workflow.plan.node(source).name,
        );
        match self.node(source).elements {
            Some(count) if count <= MAX_ELEMENTS => {
                Ok(count.div_ceil(self.workflow.plan.batch(node)))
            }
            Some(count) => Err(Error::function(
                "LIST_TOO_LONG",
                format!(
                    "node {over} put out {count} elements for node {map}; {MAX_ELEMENTS} are allowed"
                ),
            )),
            None => Err(Error::function(
                "NO_LIST",
                format!("node {over} put out no list for node {map} to map"),
            )
            .hint("write output/elements.ndjson, if only an empty one")),
        }
    }

    fn end(&self) -> Option<End> {
        let plan = &self.workflow.plan;
        let is_quiet = self.workflow.out().next().is_none() && !self.is_undoing();
        let mut nodes = plan.ids().filter(|node| !plan.is_undo(*node));
        let is_through = nodes.all(|node| self.node(node).phase.lets_pass());
        match self.workflow.state.phase {
            Phase::Running if is_through => Some(End::Succeeded),
            Phase::Failing if is_quiet => Some(End::Failed),
            Phase::Canceling if is_quiet => Some(End::Canceled),
            _ => None,
        }
    }

    fn record(&mut self, event: Event) {
        let applied = self.workflow.state.apply(&event, self.now_ms);
        debug_assert_eq!(applied, Ok(()));
        self.step.events.push(event);
    }

    fn ignore(&mut self, task: TaskRef) {
        let nodes = &self.workflow.state.nodes;
        let done = nodes
            .get(task.node.index())
            .is_some_and(|node| node.done.contains(task.element));
        self.step.ignored = Some(if done {
            Ignored::Duplicate
        } else {
            Ignored::Late
        });
    }

    /// Forgets what this process did for the task.
    fn forget(&mut self, task: TaskRef) {
        let doing = self.doing(task.node);
        doing.tasks.remove(&task.element);
        doing.fractions.remove(&task.element);
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.workflow.state.nodes[node.index()]
    }

    fn doing(&mut self, node: NodeId) -> &mut Doing {
        &mut self.workflow.doing[node.index()]
    }

    fn is_ending(&self) -> bool {
        matches!(self.workflow.state.phase, Phase::Failing | Phase::Canceling)
    }

    fn is_running(&self, node: NodeId) -> bool {
        let nodes = &self.workflow.state.nodes;
        let running = nodes
            .get(node.index())
            .is_some_and(|node| node.phase == NodePhase::Running);
        running && self.workflow.runs(node)
    }

    /// Whether the task has been told to stop, and its end is only waited for.
    fn is_stopping(&self, task: TaskRef) -> bool {
        self.is_ending() && self.is_out(task) && !self.workflow.plan.is_undo(task.node)
    }

    fn is_out(&self, task: TaskRef) -> bool {
        let nodes = &self.workflow.state.nodes;
        nodes
            .get(task.node.index())
            .is_some_and(|node| node.is_out(task.element, task.generation))
    }

    /// Whether this process works on the task: runs it inline, or prepares it.
    fn is_ours(&self, task: TaskRef) -> bool {
        let doing = self.workflow.doing.get(task.node.index());
        let generation = doing.and_then(|doing| doing.tasks.get(&task.element));
        self.is_running(task.node) && generation == Some(&task.generation)
    }

    /// Whether this is the try whose end counts.
    fn is_current(&self, task: TaskRef) -> bool {
        self.is_running(task.node) && (self.is_out(task) || self.is_ours(task))
    }
}
