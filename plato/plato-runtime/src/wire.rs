//! Where messages of the wire become what the workflow layer understands, and back.

use std::collections::BTreeMap;

use blob::BlobRef;
use buffa::MessageName;
use bytes::Bytes;
use errors::Error;
use plato::limits::MAX_REASON_CHARS;
use plato::{ATTEMPTS_USED_UP, Header, NodePhase, NodeProgress, Parent, Phase, ServiceCall, Value};
use plato_rules::{NewFact, Value as FactValue};
use proto::base::v1::{self as base, Envelope};
use proto::optimus::v1 as optimus_wire;
use proto::plato::v1 as plato_wire;
use proto::stratum::v1 as stratum_wire;
use proto::timestone::v1 as timestone_wire;
use timestone_client::envelope::{self, EnvelopeError};

use crate::incoming::{Done, Facts, Incoming, Signal, Start};

/// Reads the payload of a message from an inbox.
pub(crate) fn incoming(payload: &[u8]) -> Result<Incoming, Error> {
    let envelope = envelope::of_payload(payload).map_err(malformed)?;
    let open = match envelope.r#type.as_str() {
        plato_wire::StartWorkflow::FULL_NAME => start,
        plato_wire::CancelWorkflow::FULL_NAME => cancel,
        plato_wire::AssertFacts::FULL_NAME => assert,
        plato_wire::RetractFacts::FULL_NAME => retract,
        plato_wire::WorkflowEvent::FULL_NAME => workflow_event,
        plato_wire::PauseWorkflow::FULL_NAME => pause,
        plato_wire::ResumeWorkflow::FULL_NAME => resume,
        plato_wire::RetryWorkflow::FULL_NAME => retry,
        plato_wire::SignalWorkflow::FULL_NAME => signal,
        stratum_wire::InvocationResult::FULL_NAME => result,
        stratum_wire::InvocationProgress::FULL_NAME => progress,
        optimus_wire::CallResult::FULL_NAME => call_result,
        optimus_wire::CallProgress::FULL_NAME => call_progress,
        timestone_wire::Terminated::FULL_NAME => terminated,
        _ => return Err(unexpected(&envelope)),
    };
    open(envelope)
}

fn malformed(problem: EnvelopeError) -> Error {
    Error::user("MALFORMED_MESSAGE", problem.to_string())
}

fn unexpected(envelope: &Envelope) -> Error {
    let message = format!("a workflow takes no `{}`", envelope.r#type.escape_debug());
    Error::user("UNEXPECTED_MESSAGE", message)
}

fn start(mut envelope: Envelope) -> Result<Incoming, Error> {
    let start: plato_wire::StartWorkflow = envelope::open(&envelope).map_err(malformed)?;
    envelope.body = Vec::new();
    let input = start.input.into_option().unwrap_or_default();
    let input = Value::try_from(input)
        .map_err(|problem| Error::user("MALFORMED_INPUT", problem.to_string()).at("input"))?;
    let header = Header {
        attributes: start.attributes.into_iter().collect(),
        notify: start.notify,
        parent: (!start.parent.is_empty()).then_some(Parent {
            workflow: start.parent,
            node: start.parent_node,
        }),
        depth: start.depth,
        function_digests: start.function_digests.into_iter().collect(),
        ..header(envelope)
    };
    let start = Start {
        workflow: start.workflow_id,
        definition: start.definition,
        version: start.definition_version,
        input,
        header,
    };
    start.check()?;
    Ok(Incoming::Start(Box::new(start)))
}

fn header(envelope: Envelope) -> Header {
    Header {
        deadline_ms: (envelope.deadline_unix_ms != 0).then_some(envelope.deadline_unix_ms),
        priority: envelope.priority,
        tenant: envelope.tenant,
        principal: envelope.principal,
        traceparent: envelope.traceparent,
        ..Header::default()
    }
}

fn cancel(envelope: Envelope) -> Result<Incoming, Error> {
    let cancel: plato_wire::CancelWorkflow = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Cancel {
        workflow: cancel.workflow_id,
        reason: reason(&cancel.reason),
    })
}

fn assert(mut envelope: Envelope) -> Result<Incoming, Error> {
    let assert: plato_wire::AssertFacts = envelope::open(&envelope).map_err(malformed)?;
    envelope.body = Vec::new();
    Ok(Incoming::Facts(Box::new(Facts {
        workflow: assert.workflow_id,
        rules: assert.rules,
        facts: facts(assert.facts)?,
        retract: false,
        header: header(envelope),
    })))
}

fn retract(envelope: Envelope) -> Result<Incoming, Error> {
    let retract: plato_wire::RetractFacts = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Facts(Box::new(Facts {
        workflow: retract.workflow_id,
        rules: String::new(),
        facts: facts(retract.facts)?,
        retract: true,
        header: Header::default(),
    })))
}

pub(crate) fn facts(facts: Vec<plato_wire::Fact>) -> Result<Vec<NewFact>, Error> {
    facts.into_iter().map(fact).collect()
}

fn fact(fact: plato_wire::Fact) -> Result<NewFact, Error> {
    let fields = fact.fields.into_iter().map(|(name, value)| {
        let value = value.value.map(fact_value).ok_or_else(|| {
            Error::user(
                "MALFORMED_FACT",
                format!("{}.{name} has no value", fact.r#type),
            )
        })?;
        Ok((name, value))
    });
    let fields = fields.collect::<Result<_, Error>>()?;
    Ok(NewFact {
        kind: fact.r#type,
        fields,
    })
}

fn fact_value(value: plato_wire::fact_value::Value) -> FactValue {
    use plato_wire::fact_value::Value as Wire;
    match value {
        Wire::Bool(value) => FactValue::Bool(value),
        Wire::Int(value) => FactValue::Int(value),
        Wire::Uint(value) => FactValue::Uint(value),
        Wire::String(value) => FactValue::String(value.into()),
        Wire::Bytes(value) => FactValue::Bytes(value.into()),
        Wire::TimestampUnixMs(value) => FactValue::Timestamp(value),
    }
}

/// How a workflow ended that a node or a rule has started; before that, how far it is.
fn workflow_event(envelope: Envelope) -> Result<Incoming, Error> {
    let event: plato_wire::WorkflowEvent = envelope::open(&envelope).map_err(malformed)?;
    let error = |event: plato_wire::WorkflowEvent| {
        let error = event.error.into_option().map(Error::from);
        error.unwrap_or_else(|| Error::platform("NO_ERROR", "it did not say why"))
    };
    let invocation = event.workflow_id.clone();
    let result = match event.state.as_known() {
        Some(plato_wire::WorkflowState::Succeeded) => {
            value(event.output.into_option()).map(|value| Done {
                value,
                ..Done::default()
            })
        }
        Some(plato_wire::WorkflowState::Failed | plato_wire::WorkflowState::Canceled) => {
            Err(error(event))
        }
        _ => {
            return Ok(Incoming::CallProgress {
                call: invocation,
                fraction: share_of_nodes(&event.nodes),
            });
        }
    };
    Ok(Incoming::Result {
        invocation,
        result,
        log: None,
    })
}

/// How far a workflow is, taking its nodes for equal.
fn share_of_nodes(nodes: &[plato_wire::NodeProgress]) -> f64 {
    let done = nodes.iter().map(|node| match node.state.as_known() {
        Some(plato_wire::NodeState::Succeeded | plato_wire::NodeState::Skipped) => 1.0,
        _ => node.done as f64 / node.total.max(1) as f64,
    });
    done.sum::<f64>() / nodes.len().max(1) as f64
}

fn pause(envelope: Envelope) -> Result<Incoming, Error> {
    let pause: plato_wire::PauseWorkflow = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Pause {
        workflow: pause.workflow_id,
        reason: reason(&pause.reason),
    })
}

fn reason(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}

fn resume(envelope: Envelope) -> Result<Incoming, Error> {
    let resume: plato_wire::ResumeWorkflow = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Resume {
        workflow: resume.workflow_id,
    })
}

fn retry(envelope: Envelope) -> Result<Incoming, Error> {
    let retry: plato_wire::RetryWorkflow = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Retry {
        workflow: retry.workflow_id,
        from: retry.node,
    })
}

fn signal(envelope: Envelope) -> Result<Incoming, Error> {
    let signal: plato_wire::SignalWorkflow = envelope::open(&envelope).map_err(malformed)?;
    let value = Value::try_from(signal.value.into_option().unwrap_or_default())
        .map_err(|problem| Error::user("MALFORMED_VALUE", problem.to_string()).at("value"))?;
    let signal = Signal {
        workflow: signal.workflow_id,
        node: signal.node,
        value,
    };
    signal.check()?;
    Ok(Incoming::Signal(Box::new(signal)))
}

fn result(envelope: Envelope) -> Result<Incoming, Error> {
    let mut result: stratum_wire::InvocationResult =
        envelope::open(&envelope).map_err(malformed)?;
    // A reference that is none is not worth losing the result for.
    let log = result.log.take().map(BlobRef::try_from);
    Ok(Incoming::Result {
        invocation: result.invocation_id.clone(),
        log: log.and_then(Result::ok),
        result: outcome(result),
    })
}

fn outcome(result: stratum_wire::InvocationResult) -> Result<Done, Error> {
    if let Some(error) = result.error.into_option() {
        return Err(error.into());
    }
    let usage = result.usage.into_option().unwrap_or_default();
    Ok(Done {
        value: value(result.result.into_option())?,
        from_memo: result.from_memo,
        cpu_ms: usage.cpu_ms,
        decode_cpu_ms: usage.decode_cpu_ms,
    })
}

fn value(value: Option<base::Value>) -> Result<Value, Error> {
    let value = Value::try_from(value.unwrap_or_default());
    value.map_err(|problem| Error::platform("MALFORMED_RESULT", problem.to_string()))
}

fn call_result(envelope: Envelope) -> Result<Incoming, Error> {
    let result: optimus_wire::CallResult = envelope::open(&envelope).map_err(malformed)?;
    let outcome = match result.error.into_option() {
        Some(error) => Err(error.into()),
        None => value(result.result.into_option()).map(|value| Done {
            value,
            ..Done::default()
        }),
    };
    Ok(Incoming::Result {
        invocation: result.call_id,
        result: outcome,
        log: None,
    })
}

fn call_progress(envelope: Envelope) -> Result<Incoming, Error> {
    let progress: optimus_wire::CallProgress = envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::CallProgress {
        call: progress.call_id,
        fraction: progress.fraction,
    })
}

fn progress(envelope: Envelope) -> Result<Incoming, Error> {
    let progress: stratum_wire::InvocationProgress =
        envelope::open(&envelope).map_err(malformed)?;
    Ok(Incoming::Progress {
        workflow: progress.workflow,
        node: progress.node,
        element: progress.element,
        fraction: progress.fraction,
    })
}

fn terminated(envelope: Envelope) -> Result<Incoming, Error> {
    let terminated: timestone_wire::Terminated = envelope::open(&envelope).map_err(malformed)?;
    let error = match terminated.error.into_option() {
        Some(error) => error.into(),
        None => Error::platform(ATTEMPTS_USED_UP, "the invocation ended without its worker"),
    };
    let error = match terminated.state.as_known() {
        Some(timestone_wire::MessageState::Errored) => used_up(error, terminated.deliveries),
        _ => error,
    };
    Ok(Incoming::Terminated {
        invocation: terminated.message_id,
        error,
    })
}

/// Timestone gave up: whatever the last error was, the task is suspected of
/// ending its workers.
fn used_up(error: Error, deliveries: u32) -> Error {
    match error.code == ATTEMPTS_USED_UP {
        true => error,
        false => Error::platform(
            ATTEMPTS_USED_UP,
            format!("the invocation was delivered {deliveries} times and never completed"),
        )
        .caused_by(error),
    }
}

/// What the envelope of a try says.
pub(crate) struct About<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) header: &'a Header,
    pub(crate) priority: i64,
    pub(crate) reply_to: &'a str,
}

impl About<'_> {
    fn payload(&self, sealed: Envelope) -> Bytes {
        envelope::to_payload(&Envelope {
            deadline_unix_ms: self.header.deadline_ms.unwrap_or(0),
            priority: self.priority,
            reply_to: self.reply_to.to_owned(),
            ..about(self.workflow, self.header, sealed)
        })
    }
}

/// The payload that carries an invocation, of the version that its workflow is pinned to.
pub(crate) fn invocation(about: &About<'_>, mut invocation: stratum_wire::Invocation) -> Bytes {
    let pinned = about.header.function_digests.get(&invocation.function);
    if let (true, Some(pinned)) = (invocation.function_digest.is_empty(), pinned) {
        invocation.function_digest.clone_from(pinned);
    }
    about.payload(envelope::seal(&invocation))
}

/// The payload that carries a call of a service.
pub(crate) fn call(about: &About<'_>, call: ServiceCall) -> Bytes {
    about.payload(envelope::seal(&optimus_wire::ServiceCall {
        method: call.method,
        r#type: call.request_type,
        request: call.request.into(),
        ..Default::default()
    }))
}

/// The payload that ends a call early.
pub(crate) fn cancel_call(about: &About<'_>, call: &str, reason: &str) -> Bytes {
    about.payload(envelope::seal(&optimus_wire::CancelCall {
        call_id: call.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    }))
}

/// A workflow that another one starts.
pub(crate) struct Starting<'a> {
    pub(crate) id: &'a str,
    pub(crate) definition: &'a str,
    /// 0 = newest.
    pub(crate) version: u32,
    pub(crate) input: Value,
    pub(crate) attributes: &'a BTreeMap<String, String>,
    pub(crate) parent: Parent,
    pub(crate) depth: u32,
}

/// The payload that starts a workflow.
pub(crate) fn start_workflow(about: &About<'_>, start: Starting<'_>) -> Bytes {
    let attributes = start.attributes.iter();
    let pins = about.header.function_digests.iter();
    about.payload(envelope::seal(&plato_wire::StartWorkflow {
        workflow_id: start.id.to_owned(),
        definition: start.definition.to_owned(),
        definition_version: start.version,
        input: Some(start.input.into()).into(),
        notify: about.reply_to.to_owned(),
        attributes: attributes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        parent: start.parent.workflow,
        parent_node: start.parent.node,
        depth: start.depth,
        // What it starts runs the same versions.
        function_digests: pins
            .map(|(name, digest)| (name.clone(), digest.clone()))
            .collect(),
        ..Default::default()
    }))
}

/// The payload that ends a workflow early.
pub(crate) fn cancel_workflow(about: &About<'_>, id: &str, reason: &str) -> Bytes {
    about.payload(envelope::seal(&plato_wire::CancelWorkflow {
        workflow_id: id.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    }))
}

/// The payload of a message that asserts facts of a workflow of rules, for its inbox.
/// One that is not there yet is started by the newest of `rules`; empty, it must be there.
pub fn assert_facts(workflow: &str, rules: &str, facts: &[NewFact]) -> Bytes {
    envelope::to_payload(&envelope::seal(&plato_wire::AssertFacts {
        workflow_id: workflow.to_owned(),
        rules: rules.to_owned(),
        facts: facts.iter().map(wire_fact).collect(),
        ..Default::default()
    }))
}

/// What a run put out, as reactions read it: the fields of its JSON, and the
/// digests of its blobs as `blobs`, by name.
pub fn run_result(value: &Value) -> serde_json::Value {
    let inline = serde_json::from_slice(&value.inline).unwrap_or(serde_json::Value::Null);
    if value.blobs.is_empty() {
        return inline;
    }
    let blobs = value.blobs.iter().map(|named| {
        (
            named.name.clone(),
            serde_json::Value::from(named.blob.digest.to_string()),
        )
    });
    let mut fields = match inline {
        serde_json::Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert(
        "blobs".to_owned(),
        serde_json::Value::Object(blobs.collect()),
    );
    serde_json::Value::Object(fields)
}

/// The payload of a message that takes facts away, for the inbox of their workflow.
/// Of each, the fields of its key count.
pub fn retract_facts(workflow: &str, facts: &[NewFact]) -> Bytes {
    envelope::to_payload(&envelope::seal(&plato_wire::RetractFacts {
        workflow_id: workflow.to_owned(),
        facts: facts.iter().map(wire_fact).collect(),
        ..Default::default()
    }))
}

pub(crate) fn wire_fact(fact: &NewFact) -> plato_wire::Fact {
    let fields = fact.fields.iter().map(|(name, value)| {
        let value = plato_wire::FactValue {
            value: Some(wire_value(value)),
            ..Default::default()
        };
        (name.clone(), value)
    });
    plato_wire::Fact {
        r#type: fact.kind.clone(),
        fields: fields.collect(),
        ..Default::default()
    }
}

fn wire_value(value: &FactValue) -> plato_wire::fact_value::Value {
    use plato_wire::fact_value::Value as Wire;
    match value {
        FactValue::Bool(value) => Wire::Bool(*value),
        FactValue::Int(value) => Wire::Int(*value),
        FactValue::Uint(value) => Wire::Uint(*value),
        FactValue::String(value) => Wire::String(value.as_ref().to_owned()),
        FactValue::Bytes(value) => Wire::Bytes(value.to_vec()),
        FactValue::Timestamp(value) => Wire::TimestampUnixMs(*value),
    }
}

fn about(workflow: &str, header: &Header, envelope: Envelope) -> Envelope {
    Envelope {
        tenant: header.tenant.clone(),
        principal: header.principal.clone(),
        traceparent: header.traceparent.clone(),
        priority: header.priority,
        correlation_id: workflow.to_owned(),
        ..envelope
    }
}

/// How a workflow is doing, to be told.
pub(crate) struct Telling<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) header: &'a Header,
    pub(crate) sequence: u64,
    pub(crate) phase: Phase,
    pub(crate) nodes: Vec<NodeProgress>,
    pub(crate) output: Option<&'a Value>,
    pub(crate) error: Option<&'a Error>,
}

/// The payload that tells how a workflow is doing.
pub(crate) fn event(telling: Telling<'_>) -> Bytes {
    let event = plato_wire::WorkflowEvent {
        workflow_id: telling.workflow.to_owned(),
        sequence: telling.sequence,
        state: state(telling.phase).into(),
        nodes: telling.nodes.into_iter().map(node).collect(),
        output: telling.output.cloned().map(Into::into).into(),
        error: telling.error.cloned().map(Into::into).into(),
        ..Default::default()
    };
    envelope::to_payload(&about(
        telling.workflow,
        telling.header,
        envelope::seal(&event),
    ))
}

pub(crate) fn state(phase: Phase) -> plato_wire::WorkflowState {
    match phase {
        Phase::Running | Phase::Failing | Phase::Canceling => plato_wire::WorkflowState::Running,
        Phase::Succeeded => plato_wire::WorkflowState::Succeeded,
        Phase::Failed => plato_wire::WorkflowState::Failed,
        Phase::Canceled => plato_wire::WorkflowState::Canceled,
    }
}

pub(crate) fn node(node: NodeProgress) -> plato_wire::NodeProgress {
    plato_wire::NodeProgress {
        node: node.name,
        state: node_state(node.phase).into(),
        total: node.total,
        done: node.done,
        running: node.running,
        from_memo: node.sums.from_memo,
        in_flight: node.in_flight,
        retries: node.sums.retries,
        cpu_ms: node.sums.cpu_ms,
        decode_cpu_ms: node.sums.decode_cpu_ms,
        output_bytes: node.sums.output_bytes,
        lost: node.lost,
        speculated: node.sums.speculated,
        skipped: node.skipped.unwrap_or_default(),
        ..Default::default()
    }
}

fn node_state(phase: NodePhase) -> plato_wire::NodeState {
    match phase {
        NodePhase::Waiting => plato_wire::NodeState::Waiting,
        NodePhase::Running => plato_wire::NodeState::Running,
        NodePhase::Succeeded => plato_wire::NodeState::Succeeded,
        NodePhase::Failed => plato_wire::NodeState::Failed,
        NodePhase::Skipped => plato_wire::NodeState::Skipped,
        NodePhase::Canceled => plato_wire::NodeState::Canceled,
    }
}
