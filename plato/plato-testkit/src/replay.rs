//! A recorded history, played again to the code of today.
//!
//! Each event of a history either was caused from outside, or follows from one that was.
//! The cause is put to the state machine again; all that follows has to be what was
//! recorded, event by event.

use std::fmt;
use std::sync::Arc;

use blob::Value;
use errors::Error;
use plato::limits::DEFAULT_WINDOW;
use plato::{
    Definition, Entry, Event, Fault, Header, Input, InvalidDefinition, Phase, Plan, Run, Step,
    TaskRef, Workflow,
};
use serde::{Deserialize, Serialize};

/// A workflow as it once ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub definition: Definition,
    /// The inline part of the input it was started with.
    pub input: String,
    pub history: Vec<Entry>,
}

/// Why a recording does not replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Diverged<E: Serialize + fmt::Debug = Event> {
    /// The definition is not valid any more.
    #[error(transparent)]
    Definition(#[from] InvalidDefinition),
    /// The code of today does something else.
    #[error("{0}")]
    At(Box<Divergence<E>>),
}

/// The first event that is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence<E = Event> {
    /// The number of the event in the history, from 0.
    pub number: u64,
    /// The node, or the rule, that it is about, or none.
    pub node: Option<String>,
    /// What was recorded; `None` where nothing more was.
    pub expected: Option<E>,
    /// What happens today; `None` where nothing more does.
    pub got: Option<E>,
}

impl<E: Serialize> fmt::Display for Divergence<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |event: &Option<E>| match event {
            Some(event) => serde_json::to_string(event).unwrap_or_default(),
            None => "nothing".into(),
        };
        let node = self.node.as_ref().map(|node| format!(" ({node})"));
        write!(
            f,
            "event {}{}: expected {}, got {}",
            self.number,
            node.unwrap_or_default(),
            text(&self.expected),
            text(&self.got)
        )
    }
}

/// Replays a recording by its own definition.
///
/// # Errors
/// With the first divergence.
pub fn replay(recording: &Recording) -> Result<(), Diverged> {
    replay_on(recording, recording.definition.clone())
}

/// Replays a recording by another definition: the one of today.
///
/// # Errors
/// With the first divergence, or when that definition is not valid.
pub fn replay_on(recording: &Recording, definition: Definition) -> Result<(), Diverged> {
    let plan = Arc::new(Plan::new(definition)?);
    let mut replay = Replay {
        input: Value::inline(recording.input.clone()),
        workflow: None,
        plan,
    };
    let mut entries = recording.history.iter();
    entries
        .try_for_each(|entry| replay.entry(entry))
        .map_err(|divergence| Diverged::At(divergence.into()))
}

struct Replay {
    plan: Arc<Plan>,
    input: Value,
    workflow: Option<Workflow>,
}

impl Replay {
    fn entry(&mut self, entry: &Entry) -> Result<(), Divergence> {
        let mut done = 0;
        while done < entry.events.len() {
            let rest = &entry.events[done..];
            let got = self.cause(rest, entry.at_ms).events;
            let number = entry.first + done as u64;
            self.compare(number, rest, &got)?;
            done += got.len();
        }
        // What is to be done next is handed out once the entry is on stable storage.
        if let Some(workflow) = &mut self.workflow {
            workflow.work(entry.at_ms);
        }
        Ok(())
    }

    fn compare(&self, number: u64, expected: &[Event], got: &[Event]) -> Result<(), Divergence> {
        let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
        if same == got.len() && !got.is_empty() {
            return Ok(());
        }
        let (expected, got) = (expected.get(same).cloned(), got.get(same).cloned());
        let node = expected.as_ref().or(got.as_ref()).and_then(Event::node);
        let name = |node: plato::NodeId| {
            let known = self.plan.definition().nodes.get(node.index());
            known.map_or_else(|| node.to_string(), |node| node.name.clone())
        };
        Err(Divergence {
            number: number + same as u64,
            node: node.map(name),
            expected,
            got,
        })
    }

    /// Puts the cause of the first of these events to the workflow.
    fn cause(&mut self, events: &[Event], at_ms: i64) -> Step {
        match (events.first(), &mut self.workflow) {
            (Some(Event::Started(header)), None) => self.start(header, at_ms),
            (Some(event), Some(workflow)) => {
                let input = input(&self.plan, workflow, event, events.get(1), at_ms);
                input.map_or_else(Step::default, |input| workflow.handle(input, at_ms))
            }
            _ => Step::default(),
        }
    }

    fn start(&mut self, header: &Header, at_ms: i64) -> Step {
        let (workflow, step) = Workflow::start(
            Arc::clone(&self.plan),
            DEFAULT_WINDOW,
            "replayed",
            header.clone(),
            &self.input,
            at_ms,
        );
        self.workflow = Some(workflow);
        step
    }
}

/// What caused an event; `None` for one that only ever follows from another.
fn input(
    plan: &Plan,
    workflow: &mut Workflow,
    event: &Event,
    next: Option<&Event>,
    at_ms: i64,
) -> Option<Input> {
    let task = |node, element, generation| TaskRef {
        node,
        element,
        generation,
    };
    Some(match event {
        Event::NodeSkipped {
            node,
            reason: Some(_),
        } => {
            workflow.work(at_ms);
            Input::Decided(*node, Ok(true))
        }
        Event::NodeStarted { node, .. } if asks(plan, *node) => {
            workflow.work(at_ms);
            Input::Decided(*node, Ok(false))
        }
        Event::TasksDispatched { node, tasks } => {
            // A retry whose time has come is handed out by the passing of time.
            workflow.work(at_ms);
            Input::Prepared(*node, tasks.clone())
        }
        Event::TaskSucceeded { node, .. } if waits(plan, *node) => Input::Tick,
        Event::TaskSucceeded {
            node,
            element,
            generation,
            success,
        } => {
            workflow.work(at_ms);
            Input::Succeeded(task(*node, *element, *generation), *success)
        }
        Event::TaskFailed { error, .. } if error.code == "TASK_TIMEOUT" => Input::Tick,
        Event::TaskFailed {
            node,
            element,
            generation,
            fault,
            error,
            ..
        } => {
            workflow.work(at_ms);
            failed(task(*node, *element, *generation), *fault, error)
        }
        // The other try of a task that has ended: its end is the cause.
        Event::TasksStopped { .. } if workflow.state().phase == Phase::Running => {
            return input(plan, workflow, next?, None, at_ms);
        }
        Event::TasksStopped { node, tasks } => {
            let tasks = tasks.iter();
            Input::Told(tasks.map(|(e, g)| task(*node, *e, *g)).collect())
        }
        Event::NodeSucceeded { node, .. } => Input::Sealed(*node),
        Event::NodeFailed { node } => match next {
            Some(Event::Failing { error }) if error.code == "CONDITION_UNDECIDED" => {
                workflow.work(at_ms);
                Input::Decided(*node, Err(Error::clone(error)))
            }
            Some(Event::Failing { error }) if error.code != "NODE_DEADLINE_EXCEEDED" => {
                Input::Unsealed(*node, Error::clone(error))
            }
            _ => Input::Tick,
        },
        Event::Signaled { node, elements } => Input::Signal(*node, *elements),
        Event::Paused { reason } => Input::Pause {
            reason: reason.clone(),
        },
        Event::Resumed => Input::Resume,
        Event::Retried => Input::Retry,
        Event::RetriedFrom { node, .. } => Input::RetryFrom(*node),
        Event::Canceling { reason } => Input::Cancel {
            reason: reason.clone(),
        },
        Event::Failing { .. } => Input::Tick,
        _ => return None,
    })
}

fn waits(plan: &Plan, node: plato::NodeId) -> bool {
    let known = plan.definition().nodes.get(node.index());
    known.is_some_and(|node| matches!(node.run, Run::Timer(_) | Run::Signal))
}

fn asks(plan: &Plan, node: plato::NodeId) -> bool {
    let known = plan.definition().nodes.get(node.index());
    known.is_some_and(|node| node.skip_if.is_some())
}

/// A try that ended badly, or could not be prepared.
fn failed(task: TaskRef, fault: Fault, error: &Error) -> Input {
    match Fault::of(error) == fault {
        true => Input::Failed(task, error.clone()),
        false => Input::Unprepared(task, error.clone()),
    }
}
