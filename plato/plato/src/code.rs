use std::fmt;
use std::sync::Arc;

use blob::Value;
use errors::Error;
use proto::stratum::v1::Invocation;

use crate::{ServiceCall, TaskContext};

/// The code of a node that invokes a function.
///
/// Any `Fn(&TaskContext) -> Result<Invocation, Error>` is one.
pub trait Prepare: Send + Sync + 'static {
    /// What to ask of the function. `id`, `function`, `generation`, `workflow`,
    /// `node` and `element` are filled in afterwards; what is set there is ignored.
    ///
    /// Must be pure and deterministic: it is called again after a crash.
    ///
    /// # Errors
    /// End the workflow, as the same call would only fail again; one of class
    /// `platform` is tried again within its budget.
    fn prepare(&self, task: &TaskContext) -> Result<Invocation, Error>;
}

impl<F> Prepare for F
where
    F: Fn(&TaskContext) -> Result<Invocation, Error> + Send + Sync + 'static,
{
    fn prepare(&self, task: &TaskContext) -> Result<Invocation, Error> {
        self(task)
    }
}

/// The code of a node that runs inline, on a thread that may block for a moment.
///
/// Any `Fn(&TaskContext) -> Result<Value, Error>` is one.
pub trait RunInline: Send + Sync + 'static {
    /// The output of the node. Once it has been journaled it is never asked for
    /// again; a crash before that runs it again, so its effects must be idempotent.
    ///
    /// # Errors
    /// Are tried again within the budget of their class.
    fn run(&self, task: &TaskContext) -> Result<Value, Error>;
}

impl<F> RunInline for F
where
    F: Fn(&TaskContext) -> Result<Value, Error> + Send + Sync + 'static,
{
    fn run(&self, task: &TaskContext) -> Result<Value, Error> {
        self(task)
    }
}

/// The code of a node that calls another service.
///
/// Any `Fn(&TaskContext) -> Result<ServiceCall, Error>` is one.
pub trait PrepareCall: Send + Sync + 'static {
    /// What to ask of the service and method that the definition names.
    ///
    /// Must be pure and deterministic: it is called again after a crash.
    ///
    /// # Errors
    /// As those of [`Prepare::prepare`].
    fn prepare_call(&self, task: &TaskContext) -> Result<ServiceCall, Error>;
}

impl<F> PrepareCall for F
where
    F: Fn(&TaskContext) -> Result<ServiceCall, Error> + Send + Sync + 'static,
{
    fn prepare_call(&self, task: &TaskContext) -> Result<ServiceCall, Error> {
        self(task)
    }
}

/// The code of a node that starts another workflow.
///
/// Any `Fn(&TaskContext) -> Result<Value, Error>` is one.
pub trait PrepareStart: Send + Sync + 'static {
    /// The input of the workflow that the definition names.
    ///
    /// Must be pure and deterministic: it is called again after a crash.
    ///
    /// # Errors
    /// As those of [`Prepare::prepare`].
    fn prepare_start(&self, task: &TaskContext) -> Result<Value, Error>;
}

impl<F> PrepareStart for F
where
    F: Fn(&TaskContext) -> Result<Value, Error> + Send + Sync + 'static,
{
    fn prepare_start(&self, task: &TaskContext) -> Result<Value, Error> {
        self(task)
    }
}

/// What a node runs.
#[derive(Clone)]
pub enum NodeCode {
    Inline(Arc<dyn RunInline>),
    Function(Arc<dyn Prepare>),
    Service(Arc<dyn PrepareCall>),
    Workflow(Arc<dyn PrepareStart>),
    /// Nothing: the node waits for a signal or for time to pass.
    Waits,
}

impl NodeCode {
    /// Code that runs inline.
    pub fn inline(code: impl RunInline) -> Self {
        Self::Inline(Arc::new(code))
    }

    /// Code that prepares invocations.
    pub fn function(code: impl Prepare) -> Self {
        Self::Function(Arc::new(code))
    }

    /// Code that prepares calls of another service.
    pub fn service(code: impl PrepareCall) -> Self {
        Self::Service(Arc::new(code))
    }

    /// Code that prepares the inputs of other workflows.
    pub fn workflow(code: impl PrepareStart) -> Self {
        Self::Workflow(Arc::new(code))
    }
}

impl fmt::Debug for NodeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Inline",
            Self::Function(_) => "Function",
            Self::Service(_) => "Service",
            Self::Workflow(_) => "Workflow",
            Self::Waits => "Waits",
        })
    }
}
