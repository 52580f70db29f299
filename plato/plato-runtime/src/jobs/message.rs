//! The message that carries one try of a task: an invocation, a call, or the start of a
//! workflow.

use std::collections::BTreeMap;
use std::sync::Arc;

use errors::Error;
use plato::limits::{MAX_DEPTH, MAX_INLINE_BYTES};
use plato::{
    Parent, Prepare, PrepareCall, PrepareStart, Run, ServiceCall, TaskContext, TaskRef, Value,
};
use proto::stratum::v1::Invocation;
use timestone::NewMessage;
use timestone::limits::MAX_PAYLOAD_BYTES;
use timestone_client::names;

use super::NodeOf;
use crate::wire;

/// The code of a node whose tasks run elsewhere.
#[derive(Clone)]
pub(super) enum Code {
    /// With how many sizes larger than usual the shapes of some elements must be.
    Function(Arc<dyn Prepare>, BTreeMap<u64, u32>),
    Service(Arc<dyn PrepareCall>),
    /// With the service whose workflows they are, and the number of their groups.
    Workflow {
        code: Arc<dyn PrepareStart>,
        service: String,
        groups: u32,
    },
}

impl Code {
    /// The message of one try, to be answered to `reply_to`.
    pub(super) fn message(
        &self,
        of: &NodeOf,
        reply_to: &str,
        task: TaskRef,
        context: &TaskContext,
    ) -> Result<NewMessage, Error> {
        let sending = Sending { of, reply_to, task };
        match (self, &of.activation.plan().node(of.node).run) {
            (Self::Function(code, outgrown), Run::Function(function)) => {
                let invocation = Invocation {
                    outgrown: outgrown.get(&task.element).copied().unwrap_or_default(),
                    ..code.prepare(context)?
                };
                sending.invocation(function, invocation)
            }
            (Self::Service(code), Run::Service { service, method }) => {
                sending.call(service, method, code.prepare_call(context)?)
            }
            (
                Self::Workflow {
                    code,
                    service,
                    groups,
                },
                Run::Workflow {
                    definition,
                    version,
                },
            ) => {
                let queue = names::inbox_of_workflow(service, &sending.id(), *groups);
                sending.start(queue, definition, *version, code.prepare_start(context)?)
            }
            _ => Err(Error::function(
                "OTHER_CODE",
                format!("node {} has code of another kind", sending.node()),
            )),
        }
    }
}

struct Sending<'a> {
    of: &'a NodeOf,
    reply_to: &'a str,
    task: TaskRef,
}

impl Sending<'_> {
    fn invocation(&self, function: &str, invocation: Invocation) -> Result<NewMessage, Error> {
        let invocation = Invocation {
            id: self.id(),
            function: function.to_owned(),
            generation: self.task.generation,
            workflow: self.of.workflow.to_string(),
            node: self.node().to_owned(),
            element: self.task.element,
            ..invocation
        };
        // A deadline less the time it takes is when it must begin.
        let begin = self
            .priority()
            .saturating_sub_unsigned(invocation.expected_ms);
        let payload = wire::invocation(&self.about(), invocation);
        Ok(NewMessage {
            priority: begin,
            ..self.addressed(names::function(function), payload)?
        })
    }

    fn call(&self, service: &str, method: &str, call: ServiceCall) -> Result<NewMessage, Error> {
        if (call.service.as_str(), call.method.as_str()) != (service, method) {
            return Err(self.other_call(service, method, &call));
        }
        self.addressed(
            names::service_calls(service),
            wire::call(&self.about(), call),
        )
    }

    fn start(
        &self,
        queue: String,
        definition: &str,
        version: u32,
        input: Value,
    ) -> Result<NewMessage, Error> {
        let header = &self.of.header;
        let depth = header.depth.saturating_add(1);
        self.check_start(depth, &input)?;
        let start = wire::Starting {
            id: &self.id(),
            definition,
            version,
            input,
            attributes: &header.attributes,
            parent: Parent {
                workflow: self.of.workflow.to_string(),
                node: self.node().to_owned(),
            },
            depth,
        };
        self.addressed(queue, wire::start_workflow(&self.about(), start))
    }

    fn check_start(&self, depth: u32, input: &Value) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            let message = format!("node {} starts one more", self.node());
            return Err(Error::user("TOO_DEEP", message).hint(format!(
                "at most {MAX_DEPTH} workflows may be above one; see that none starts itself for ever"
            )));
        }
        let bytes = input.inline.len();
        match bytes <= MAX_INLINE_BYTES {
            true => Ok(()),
            false => Err(Error::function(
                "INPUT_TOO_LARGE",
                format!("node {} hands {bytes} bytes to a workflow", self.node()),
            )
            .hint(format!("at most {MAX_INLINE_BYTES}; put more in a blob"))),
        }
    }

    fn other_call(&self, service: &str, method: &str, call: &ServiceCall) -> Error {
        let message = format!(
            "node {} calls {service}.{method}, but its code asks for {}.{}",
            self.node(),
            call.service,
            call.method
        );
        Error::function("OTHER_CALL", message).hint("name the same in the definition and the code")
    }

    fn addressed(&self, queue: String, payload: bytes::Bytes) -> Result<NewMessage, Error> {
        self.check_size(payload.len())?;
        Ok(NewMessage {
            queue,
            id: self.id(),
            payload,
            priority: self.priority(),
            reply_to: Some(self.reply_to.to_owned()),
            ..NewMessage::default()
        })
    }

    fn check_size(&self, bytes: usize) -> Result<(), Error> {
        match bytes <= MAX_PAYLOAD_BYTES {
            true => Ok(()),
            false => Err(Error::function(
                "INVOCATION_TOO_LARGE",
                format!("node {} asks in {bytes} bytes", self.node()),
            )
            .hint(format!("at most {MAX_PAYLOAD_BYTES}; put more in a blob"))),
        }
    }

    fn about(&self) -> wire::About<'_> {
        wire::About {
            workflow: &self.of.workflow,
            header: &self.of.header,
            priority: self.priority(),
            reply_to: self.reply_to,
        }
    }

    fn id(&self) -> String {
        self.task.invocation(&self.of.workflow, self.node())
    }

    fn node(&self) -> &str {
        &self.of.activation.plan().node(self.of.node).name
    }

    fn priority(&self) -> i64 {
        let node = self.of.activation.plan().node(self.of.node);
        node.priority.unwrap_or(self.of.header.priority)
    }
}
