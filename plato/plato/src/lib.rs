//! The workflow engine as a pure state machine: DAG with map and reduce.
//!
//! A [`Definition`] says of which nodes a workflow is made; a [`Registry`] holds
//! definitions together with the [`NodeCode`] of their nodes. A [`Workflow`] takes
//! [`Input`]s, answers with the [`Event`]s to journal, and says what [`Work`] is
//! next. Its [`State`] is the fold of its journal: whoever reads the journal again
//! carries on where it ends.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod again;
mod call;
mod code;
mod context;
mod definition;
mod durations;
mod event;
mod explain;
mod input;
mod intervals;
mod node;
mod plan;
mod problem;
mod registry;
mod retry;
mod state;
mod task;
mod trim;
mod turn;
mod validate;
mod work;
mod workflow;

pub mod invoke;
pub mod json;
pub mod limits;
pub mod skip;

pub use again::{NotAgain, from as again_from};
pub use blob::{BlobRef, ListRef, NamedBlob, Value};
pub use call::ServiceCall;
pub use code::{NodeCode, Prepare, PrepareCall, PrepareStart, RunInline};
pub use context::{Element, NodeContext, TaskContext};
pub use definition::{Allowed, Condition, Definition, Kind, NodeDef, Run, Speculate};
pub use event::{End, Entry, Event, Header, Parent, Success};
pub use explain::{Reason, explain};
pub use input::{Ignored, Input, Step, TaskRef, Work};
pub use intervals::IntervalSet;
pub use node::{Node, NodePhase, Sums};
pub use plan::{NodeId, Plan};
pub use problem::{InvalidDefinition, Problem};
pub use registry::{Activation, Registry};
pub use retry::{ATTEMPTS_USED_UP, Fault, Faults, OUT_OF_MEMORY, Retry};
pub use state::{BrokenJournal, Phase, State};
pub use trim::brief;
pub use workflow::{NodeProgress, Workflow};
