//! The workflow engine as a pure state machine: DAG with map and reduce.
//!
//! A [`Definition`] says of which nodes a workflow is made; a [`Registry`] holds
//! definitions together with the [`NodeCode`] of their nodes.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod code;
mod context;
mod definition;
mod plan;
mod problem;
mod registry;
mod retry;
mod validate;

pub mod json;
pub mod limits;

pub use blob::{BlobRef, ListRef, NamedBlob, Value};
pub use code::{NodeCode, Prepare, RunInline};
pub use context::{Element, NodeContext, TaskContext};
pub use definition::{Condition, Definition, Kind, NodeDef, Run};
pub use plan::{NodeId, Plan};
pub use problem::{InvalidDefinition, Problem};
pub use registry::{Activation, Registry};
pub use retry::{ATTEMPTS_EXHAUSTED, Fault, Faults, Retry};
