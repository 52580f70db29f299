//! Tasks of a node: their messages prepared, or their inline code run.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use errors::Error;
use plato::{NodeCode, RunInline, TaskContext, TaskRef, Value};
use tokio::task::JoinError;

use super::message::Code;
use super::{Jobs, NodeOf, Outcome, Prepared, context};
use crate::shared::Shared;

pub(super) async fn run(
    jobs: &Jobs,
    of: NodeOf,
    tasks: Vec<(u64, u32)>,
    outgrown: BTreeMap<u64, u32>,
) {
    let elements: Vec<u64> = tasks.iter().map(|(element, _)| *element).collect();
    let contexts = context::of_tasks(jobs, &of, &elements).await;
    if let NodeCode::Inline(code) = of.activation.code(of.node) {
        return run_inline(jobs, &of, Arc::clone(code), tasks, contexts).await;
    }
    // Of a node that only waits, the workflow hands out no task.
    if let Some(code) = code_of(&jobs.shared, &of, outgrown) {
        prepare(jobs, &of, code, tasks, contexts).await;
    }
}

/// The code of a node whose tasks run elsewhere.
fn code_of(shared: &Shared, of: &NodeOf, outgrown: BTreeMap<u64, u32>) -> Option<Code> {
    match of.activation.code(of.node) {
        NodeCode::Function(code) => Some(Code::Function(Arc::clone(code), outgrown)),
        NodeCode::Service(code) => Some(Code::Service(Arc::clone(code))),
        NodeCode::Workflow(code) => Some(Code::Workflow {
            code: Arc::clone(code),
            service: shared.config.service.clone(),
            groups: shared.config.groups,
        }),
        NodeCode::Inline(_) | NodeCode::Waits => None,
    }
}

/// Prepares a task on the thread of the caller; `None` when its node runs nothing elsewhere.
pub(crate) fn prepare_now(
    (shared, group): (&Shared, u32),
    of: &NodeOf,
    outgrown: &BTreeMap<u64, u32>,
    task: (u64, u32),
    context: &TaskContext,
) -> Option<Prepared> {
    let code = code_of(shared, of, outgrown.clone())?;
    let reply_to = shared.inbox(group);
    // What it leaves half done is its own alone.
    let prepare = AssertUnwindSafe(|| prepare_one(of, &code, &reply_to, task, context));
    let prepared = catch_unwind(prepare).ok();
    prepared.or_else(|| all_failed(&[task], &panicked()).pop())
}

type Contexts = Result<Vec<TaskContext>, Error>;

async fn prepare(jobs: &Jobs, of: &NodeOf, code: Code, tasks: Vec<(u64, u32)>, contexts: Contexts) {
    let reply_to = jobs.shared.inbox(jobs.group);
    let (workflow, node) = (Arc::clone(&of.workflow), of.node);
    let on_error = tasks.clone();
    let prepared = match contexts {
        Err(error) => Some(Err(error)),
        Ok(contexts) => {
            let of = of.clone();
            let clock = Arc::clone(&jobs.shared.clock);
            // Light, but as many as a window at once, and not our own code.
            run_code(jobs, move || {
                let begun = clock.elapsed();
                let tasks = tasks.into_iter().zip(contexts);
                let prepared = tasks
                    .map(|(task, context)| prepare_one(&of, &code, &reply_to, task, &context))
                    .collect();
                (prepared, clock.elapsed().saturating_sub(begun))
            })
            .await
        }
    };
    let Some(prepared) = prepared else { return };
    let (prepared, took) =
        prepared.unwrap_or_else(|error| (all_failed(&on_error, &error), Duration::MAX));
    jobs.tell(Outcome::Prepared {
        workflow,
        node,
        prepared,
        took,
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

/// Runs code of a node; what came of it, if it was run at all.
pub(super) async fn run_code<T: Send + 'static>(
    jobs: &Jobs,
    code: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T, Error>> {
    match jobs.shared.config.code_threads {
        true => ended(tokio::task::spawn_blocking(code).await),
        // What it leaves half done is its own alone.
        false => Some(catch_unwind(AssertUnwindSafe(code)).map_err(|_| panicked())),
    }
}

/// What came of code on a thread of its own; none if the process ends and will never run it.
fn ended<T>(joined: Result<T, JoinError>) -> Option<Result<T, Error>> {
    match joined {
        Ok(value) => Some(Ok(value)),
        Err(error) if error.is_cancelled() => None,
        Err(_) => Some(Err(panicked())),
    }
}

fn panicked() -> Error {
    Error::function("NODE_CODE_PANICKED", "the code of the node panicked")
        .hint("its message is on standard error")
}

fn prepare_one(
    of: &NodeOf,
    code: &Code,
    reply_to: &str,
    (element, generation): (u64, u32),
    context: &TaskContext,
) -> Prepared {
    let task = TaskRef {
        node: of.node,
        element,
        generation,
    };
    Prepared {
        element,
        generation,
        message: code.message(of, reply_to, task, context),
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
            Ok(Some(context)) => match run_one(jobs, Arc::clone(&code), context).await {
                Some(result) => result,
                None => return,
            },
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

async fn run_one(
    jobs: &Jobs,
    code: Arc<dyn RunInline>,
    context: TaskContext,
) -> Option<Result<Value, Error>> {
    let ran = run_code(jobs, move || code.run(&context)).await;
    ran.map(Result::flatten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_its_task() {
        let joined = tokio::task::spawn_blocking(|| panic!("on purpose")).await;
        let error = ended::<()>(joined).unwrap().unwrap_err();
        assert_eq!(error.code, "NODE_CODE_PANICKED");
    }

    /// The next owner runs it; nothing may be recorded of it now.
    #[tokio::test]
    async fn code_that_a_process_at_its_end_never_ran_fails_nothing() {
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert!(ended(task.await).is_none());
    }
}
