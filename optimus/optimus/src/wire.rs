//! The messages to and from the workflow layer, and nothing of them further inside.

use std::collections::BTreeMap;

use blob::Value;
use buffa::{Message, MessageName};
use bytes::Bytes;
use clock::Timestamp;
use errors::Error;
use proto::base::v1::{self as base, Envelope};
use proto::plato::v1 as plato;
use proto::timestone::v1 as queue;
use timestone::NewMessage;
use timestone_client::envelope;

pub(crate) mod calls;

use crate::record::Meta;
use crate::versions::Pins;
use crate::view::{Stage, StageState};

/// What the workflow layer, or the queue on the way to it, tells about a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) workflow: String,
    /// Grows with each event of the workflow.
    pub(crate) sequence: u64,
    pub(crate) told: Told,
    /// The `plato.v1.WorkflowEvent`; empty when the queue told.
    pub(crate) encoded: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Running,
    Succeeded,
    Failed(Error),
    Canceled(Error),
    /// The message that should have started it was given up.
    NeverStarted(Error),
}

/// Reads a message of the events queue; `None` when it tells nothing about a request.
pub(crate) fn event_of(payload: &[u8]) -> Result<Option<Event>, envelope::EnvelopeError> {
    let envelope = envelope::of_payload(payload)?;
    if envelope::holds::<queue::Terminated>(&envelope) {
        return Ok(never_started(envelope::open(&envelope)?));
    }
    let event: plato::WorkflowEvent = envelope::open(&envelope)?;
    Ok(Some(workflow_event(event, envelope.body.into())))
}

fn workflow_event(event: plato::WorkflowEvent, encoded: Bytes) -> Event {
    Event {
        told: told(&event),
        workflow: event.workflow_id,
        sequence: event.sequence,
        encoded,
    }
}

fn told(event: &plato::WorkflowEvent) -> Told {
    let error = || event.error.as_option().cloned().map(Error::from);
    match event.state.as_known() {
        Some(plato::WorkflowState::Succeeded) => Told::Succeeded,
        Some(plato::WorkflowState::Failed) => Told::Failed(error().unwrap_or_else(unexplained)),
        Some(plato::WorkflowState::Canceled) => {
            Told::Canceled(error().unwrap_or_else(|| Error::canceled("the workflow was canceled")))
        }
        Some(plato::WorkflowState::Running | plato::WorkflowState::Unspecified) | None => {
            Told::Running
        }
    }
}

fn unexplained() -> Error {
    Error::platform(
        "WORKFLOW_FAILED",
        "the workflow failed without saying why; see the log of the workflow layer",
    )
}

/// Of the messages sent to the workflow layer only a lost start ends a request.
fn never_started(ended: queue::Terminated) -> Option<Event> {
    if !is_start(&ended.message_id) {
        return None;
    }
    let mut error = Error::platform(
        "WORKFLOW_NOT_STARTED",
        format!(
            "the workflow layer gave the request up after {} deliveries",
            ended.deliveries
        ),
    );
    error
        .causes
        .extend(ended.error.into_option().map(Error::from));
    Some(Event {
        workflow: ended.message_id,
        sequence: 0,
        told: Told::NeverStarted(error),
        encoded: Bytes::new(),
    })
}

/// The value that a workflow ended with, out of its last event.
pub(crate) fn output_of(event: &[u8]) -> Result<Value, Error> {
    let event = plato::WorkflowEvent::decode_from_slice(event).map_err(unreadable)?;
    let output = event.output.into_option().unwrap_or_default();
    output.try_into().map_err(unreadable)
}

fn unreadable(problem: impl std::fmt::Display) -> Error {
    let message = format!("the workflow's last event cannot be read: {problem}");
    Error::platform("EVENT_UNREADABLE", message)
}

/// Bytes that a value takes in a message.
pub(crate) fn encoded_len(value: &Value) -> usize {
    base::Value::from(value.clone()).encode_to_vec().len()
}

/// Whether a workflow event, as it is kept, tells that the workflow failed.
pub(crate) fn tells_failure(event: &[u8]) -> bool {
    let event = plato::WorkflowEvent::decode_from_slice(event).unwrap_or_default();
    event.state.as_known() == Some(plato::WorkflowState::Failed)
}

/// How far each node was by a workflow event; nothing when it cannot be read.
pub(crate) fn stages_of(event: &[u8]) -> Vec<Stage> {
    let event = plato::WorkflowEvent::decode_from_slice(event).unwrap_or_default();
    event.nodes.into_iter().map(Stage::from).collect()
}

impl From<plato::NodeProgress> for Stage {
    fn from(node: plato::NodeProgress) -> Self {
        Self {
            state: node
                .state
                .as_known()
                .map_or(StageState::Waiting, StageState::from),
            name: node.node,
            total: node.total,
            done: node.done,
            running: node.running,
            reused: node.from_memo,
            in_flight: node.in_flight,
            retries: node.retries,
            cpu_ms: node.cpu_ms,
            decode_cpu_ms: node.decode_cpu_ms,
            output_bytes: node.output_bytes,
        }
    }
}

impl From<plato::NodeState> for StageState {
    fn from(state: plato::NodeState) -> Self {
        match state {
            plato::NodeState::Unspecified | plato::NodeState::Waiting => Self::Waiting,
            plato::NodeState::Running => Self::Running,
            plato::NodeState::Succeeded => Self::Succeeded,
            plato::NodeState::Failed => Self::Failed,
            plato::NodeState::Skipped => Self::Skipped,
            plato::NodeState::Canceled => Self::Canceled,
        }
    }
}

const CANCEL_SUFFIX: &str = "/cancel";

/// The request that a message to the workflow layer is about.
pub(crate) fn request_of(message_id: &str) -> &str {
    message_id.strip_suffix(CANCEL_SUFFIX).unwrap_or(message_id)
}

/// Of the messages that the outbox holds, a start alone is named by its request's id;
/// others have more behind it.
fn is_start(message_id: &str) -> bool {
    !message_id.contains('/')
}

/// What it means that the queue refused a message for good; nothing unless it is a start.
pub(crate) fn start_refused(message_id: &str, refusal: Error) -> Option<Event> {
    is_start(message_id).then(|| Event {
        workflow: message_id.to_owned(),
        sequence: 0,
        told: Told::NeverStarted(
            Error::platform(
                "WORKFLOW_NOT_STARTED",
                "the queue of the workflow layer refused the request",
            )
            .caused_by(refusal),
        ),
        encoded: Bytes::new(),
    })
}

/// What starts a workflow, beside what its request's record says.
pub(crate) struct Start<'a> {
    pub(crate) definition: &'a str,
    pub(crate) input: Value,
    pub(crate) pins: Pins,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) deadline: Option<Timestamp>,
    /// The queue that shall hear of the workflow.
    pub(crate) notify: &'a str,
}

/// The message that starts the workflow of request `id`.
pub(crate) fn start_message(id: &str, meta: &Meta, start: Start<'_>) -> queue::NewMessage {
    let body = plato::StartWorkflow {
        workflow_id: id.to_owned(),
        definition: start.definition.to_owned(),
        input: Some(base::Value::from(start.input)).into(),
        notify: start.notify.to_owned(),
        attributes: start.attributes.into_iter().collect(),
        function_digests: start.pins.into_iter().collect(),
        ..Default::default()
    };
    let mut payload = enveloped(id, meta, &body);
    payload.deadline_unix_ms = start.deadline.map_or(0, Timestamp::unix_ms);
    queue::NewMessage {
        id: id.to_owned(),
        reply_to: start.notify.to_owned(),
        ..addressed(meta, payload)
    }
}

/// The message that cancels the workflow of request `id`.
pub(crate) fn cancel_message(id: &str, meta: &Meta, reason: &str) -> queue::NewMessage {
    let body = plato::CancelWorkflow {
        workflow_id: id.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    queue::NewMessage {
        id: format!("{id}{CANCEL_SUFFIX}"),
        ..addressed(meta, enveloped(id, meta, &body))
    }
}

/// Both messages of a workflow have one priority, so that neither overtakes the other.
fn addressed(meta: &Meta, payload: Envelope) -> queue::NewMessage {
    queue::NewMessage {
        queue: meta.inbox.clone(),
        payload: payload.into(),
        priority: meta.priority,
        ..Default::default()
    }
}

fn enveloped<M: Message + MessageName>(id: &str, meta: &Meta, body: &M) -> Envelope {
    Envelope {
        tenant: meta.tenant.clone(),
        principal: meta.principal.clone(),
        traceparent: meta.traceparent.clone(),
        priority: meta.priority,
        correlation_id: id.to_owned(),
        ..envelope::seal(body)
    }
}

/// A message as the outbox keeps it.
pub(crate) fn encode(message: &queue::NewMessage) -> Bytes {
    message.encode_to_bytes()
}

/// A message as the queue's client takes it.
pub(crate) fn new_message(message: queue::NewMessage) -> NewMessage {
    let filled = |text: String| (!text.is_empty()).then_some(text);
    let payload = message.payload.into_option().unwrap_or_default();
    NewMessage {
        queue: message.queue,
        id: message.id,
        payload: envelope::to_payload(&payload),
        priority: message.priority,
        metadata: message.metadata.into_iter().collect(),
        invisible_ms: message.invisible_ms,
        attempts: (message.attempts > 0).then_some(message.attempts),
        not_after: (message.not_after_unix_ms > 0).then_some(message.not_after_unix_ms),
        reply_to: filled(message.reply_to),
    }
}
