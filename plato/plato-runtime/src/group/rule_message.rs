//! The message that carries the run of a firing.

use std::collections::BTreeMap;

use errors::Error;
use plato::{Header, NodeCode, NodeContext, Parent, TaskContext, Value};
use plato_rules::{RunNow, RunOn};
use proto::stratum::v1::Invocation;
use timestone::NewMessage;
use timestone::limits::MAX_PAYLOAD_BYTES;
use timestone_client::names;

use crate::wire;

/// Where a run comes from.
pub(crate) struct Place<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) header: &'a Header,
    pub(crate) service: &'a str,
    pub(crate) groups: u32,
    pub(crate) reply_to: &'a str,
}

/// The message of one try, to be answered to the place.
///
/// # Errors
/// When its code fails or does not fit, or it is too large.
pub(crate) fn message(
    place: &Place<'_>,
    code: Option<&NodeCode>,
    run: &RunNow,
) -> Result<NewMessage, Error> {
    let id = ids::invocation(place.workflow, &run.rule, run.firing, run.generation);
    let about = place.about();
    let (queue, payload, priority) = match (&run.on, code) {
        (RunOn::Function(function), code) => {
            let invocation = Invocation {
                id: id.clone(),
                function: function.clone(),
                generation: run.generation,
                workflow: place.workflow.to_owned(),
                node: run.rule.clone(),
                element: run.firing,
                ..prepare(place, code, run)?
            };
            // A deadline less the time it takes is when it must begin.
            let begin = about
                .priority
                .saturating_sub_unsigned(invocation.expected_ms);
            (
                names::function(function),
                wire::invocation(&about, invocation),
                begin,
            )
        }
        (RunOn::Service { service, method }, Some(NodeCode::Service(code))) => {
            let call = code.prepare_call(&context(place, run))?;
            if (&call.service, &call.method) != (service, method) {
                let message = format!(
                    "rule {} asks {service}.{method}, its code {}.{}",
                    run.rule, call.service, call.method
                );
                return Err(Error::function("OTHER_CALL", message)
                    .hint("name the same in the rule and the code"));
            }
            (
                names::service_calls(service),
                wire::call(&about, call),
                about.priority,
            )
        }
        (RunOn::Service { .. }, _) => return Err(other_code(run)),
        (
            RunOn::Workflow {
                definition,
                version,
            },
            _,
        ) => {
            let queue = names::inbox_of_workflow(place.service, &id, place.groups);
            let start = wire::Starting {
                id: &id,
                definition,
                version: *version,
                input: input(run),
                attributes: &BTreeMap::new(),
                parent: Parent {
                    workflow: place.workflow.to_owned(),
                    node: run.rule.clone(),
                },
                depth: place.header.depth.saturating_add(1),
            };
            let payload = wire::start_workflow(&about, start);
            (queue, payload, about.priority)
        }
    };
    if payload.len() > MAX_PAYLOAD_BYTES {
        let message = format!("rule {} asks in {} bytes", run.rule, payload.len());
        return Err(Error::function("INVOCATION_TOO_LARGE", message)
            .hint(format!("at most {MAX_PAYLOAD_BYTES}")));
    }
    let reply_to = Some(place.reply_to.to_owned());
    Ok(NewMessage {
        queue,
        id,
        payload,
        priority,
        reply_to,
        ..NewMessage::default()
    })
}

impl Place<'_> {
    fn about(&self) -> wire::About<'_> {
        wire::About {
            workflow: self.workflow,
            header: self.header,
            priority: self.header.priority,
            reply_to: self.reply_to,
        }
    }
}

fn prepare(place: &Place<'_>, code: Option<&NodeCode>, run: &RunNow) -> Result<Invocation, Error> {
    match code {
        None => plato::invoke::with_params(&run.params),
        Some(NodeCode::Function(code)) => code.prepare(&context(place, run)),
        Some(_) => Err(other_code(run)),
    }
}

fn other_code(run: &RunNow) -> Error {
    Error::function(
        "OTHER_CODE",
        format!("rule {} has code of another kind", run.rule),
    )
}

/// What the code of a rule is given: its parameters as input.
fn context(place: &Place<'_>, run: &RunNow) -> TaskContext {
    TaskContext::new(NodeContext {
        workflow: place.workflow.to_owned(),
        node: run.rule.clone(),
        input: input(run),
        attributes: place.header.attributes.clone(),
        ..NodeContext::default()
    })
}

fn input(run: &RunNow) -> Value {
    Value::inline(run.params.to_string())
}

/// Tells the service that works on a call to stop.
pub(crate) fn cancel_call(
    about: &wire::About<'_>,
    service: &str,
    call: &str,
    reason: &str,
) -> NewMessage {
    NewMessage {
        queue: names::service_calls(service),
        id: names::cancel_id(call),
        payload: wire::cancel_call(about, call, reason),
        priority: about.priority,
        ..NewMessage::default()
    }
}

/// Tells a workflow to stop.
pub(crate) fn cancel_workflow(
    about: &wire::About<'_>,
    service: &str,
    groups: u32,
    workflow: &str,
    reason: &str,
) -> NewMessage {
    NewMessage {
        queue: names::inbox_of_workflow(service, workflow, groups),
        id: names::cancel_id(workflow),
        payload: wire::cancel_workflow(about, workflow, reason),
        priority: about.priority,
        ..NewMessage::default()
    }
}
