//! Tasks of a node: their invocations prepared, or their inline code run.

use std::sync::Arc;

use errors::Error;
use plato::{NodeCode, Prepare, Run, RunInline, TaskContext, TaskRef, Value};
use proto::stratum::v1::Invocation;
use timestone::NewMessage;
use timestone::limits::MAX_PAYLOAD_BYTES;
use timestone_client::names;

use super::{Jobs, NodeOf, Outcome, Prepared, context};
use crate::wire;

pub(super) async fn run(jobs: &Jobs, of: NodeOf, tasks: Vec<(u64, u32)>) {
    let elements: Vec<u64> = tasks.iter().map(|(element, _)| *element).collect();
    let contexts = context::of_tasks(jobs, &of, &elements).await;
    match of.activation.code(of.node) {
        NodeCode::Function(code) => prepare(jobs, &of, Arc::clone(code), tasks, contexts).await,
        NodeCode::Inline(code) => run_inline(jobs, &of, Arc::clone(code), tasks, contexts).await,
    }
}

type Contexts = Result<Vec<TaskContext>, Error>;

async fn prepare(
    jobs: &Jobs,
    of: &NodeOf,
    code: Arc<dyn Prepare>,
    tasks: Vec<(u64, u32)>,
    contexts: Contexts,
) {
    let reply_to = jobs.shared.inbox(jobs.group);
    let (workflow, node) = (Arc::clone(&of.workflow), of.node);
    let prepared = match contexts {
        Err(error) => all_failed(&tasks, &error),
        Ok(contexts) => {
            let (of, on_panic) = (of.clone(), tasks.clone());
            // Light, but as many as a window at once, and not our own code.
            let prepared = tokio::task::spawn_blocking(move || {
                let tasks = tasks.into_iter().zip(contexts);
                tasks
                    .map(|(task, context)| {
                        prepare_one(&of, code.as_ref(), &reply_to, task, &context)
                    })
                    .collect()
            });
            prepared
                .await
                .unwrap_or_else(|_| all_failed(&on_panic, &panicked()))
        }
    };
    jobs.tell(Outcome::Prepared {
        workflow,
        node,
        prepared,
    })
    .await;
}

fn all_failed(tasks: &[(u64, u32)], error: &Error) -> Vec<Prepared> {
    let failed = tasks.iter().map(|(element, generation)| Prepared {
        element: *element,
        generation: *generation,
        message: Err(error.clone()),
    });
    failed.collect()
}

fn panicked() -> Error {
    Error::function("NODE_CODE_PANICKED", "the code of the node panicked")
        .hint("its message is on standard error")
}

fn prepare_one(
    of: &NodeOf,
    code: &dyn Prepare,
    reply_to: &str,
    (element, generation): (u64, u32),
    context: &TaskContext,
) -> Prepared {
    let task = TaskRef {
        node: of.node,
        element,
        generation,
    };
    let invocation = code.prepare(context);
    let message = invocation.and_then(|invocation| message(of, reply_to, task, invocation));
    Prepared {
        element,
        generation,
        message,
    }
}

fn message(
    of: &NodeOf,
    reply_to: &str,
    task: TaskRef,
    invocation: Invocation,
) -> Result<NewMessage, Error> {
    let node = of.activation.plan().node(of.node);
    let Run::Function(function) = &node.run else {
        return Err(Error::function(
            "NOT_A_FUNCTION",
            format!("node {} runs inline", node.name),
        ));
    };
    let invocation = addressed(of, task, function, &node.name, invocation);
    let priority = node.priority.unwrap_or(of.header.priority);
    // A deadline less the time it takes is when it must begin.
    let begin = priority.saturating_sub_unsigned(invocation.expected_ms);
    let payload = wire::invocation(&of.workflow, &of.header, priority, reply_to, &invocation);
    check_size(payload.len())?;
    Ok(NewMessage {
        queue: names::function(function),
        id: invocation.id,
        payload,
        priority: begin,
        reply_to: Some(reply_to.to_owned()),
        ..NewMessage::default()
    })
}

fn addressed(
    of: &NodeOf,
    task: TaskRef,
    function: &str,
    node: &str,
    invocation: Invocation,
) -> Invocation {
    Invocation {
        id: task.invocation(&of.workflow, node),
        function: function.to_owned(),
        generation: task.generation,
        workflow: of.workflow.to_string(),
        node: node.to_owned(),
        element: task.element,
        ..invocation
    }
}

fn check_size(bytes: usize) -> Result<(), Error> {
    match bytes <= MAX_PAYLOAD_BYTES {
        true => Ok(()),
        false => Err(Error::function(
            "INVOCATION_TOO_LARGE",
            format!("an invocation of {bytes} bytes"),
        )
        .hint(format!("at most {MAX_PAYLOAD_BYTES}; put more in a blob"))),
    }
}

async fn run_inline(
    jobs: &Jobs,
    of: &NodeOf,
    code: Arc<dyn RunInline>,
    tasks: Vec<(u64, u32)>,
    contexts: Contexts,
) {
    let mut contexts = contexts.map(Vec::into_iter);
    for (element, generation) in tasks {
        let context = contexts
            .as_mut()
            .map(Iterator::next)
            .map_err(|error| error.clone());
        let result = match context {
            Ok(Some(context)) => run_one(Arc::clone(&code), context).await,
            Ok(None) => Err(Error::platform(
                "NO_CONTEXT",
                "the task was given no context",
            )),
            Err(error) => Err(error),
        };
        let task = TaskRef {
            node: of.node,
            element,
            generation,
        };
        jobs.tell(Outcome::Ran {
            workflow: Arc::clone(&of.workflow),
            task,
            result,
        })
        .await;
    }
}

async fn run_one(code: Arc<dyn RunInline>, context: TaskContext) -> Result<Value, Error> {
    let ran = tokio::task::spawn_blocking(move || code.run(&context)).await;
    ran.unwrap_or_else(|_| Err(panicked()))
}
