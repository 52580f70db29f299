//! Forward-chaining rules as a pure state machine.
//!
//! A [`RuleBase`] says which facts there are and which rules hold over them, as
//! data; [`Rules`] is one that was found valid. A [`Memory`] keeps facts and the
//! matches over them, change by change. A [`Session`] is rules at work: it takes
//! [`Input`]s, answers with the [`Event`]s to journal, and says what is to be run.
//! Its [`State`] is the fold of its journal.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod agenda;
mod compile;
mod definition;
mod event;
mod explain;
mod expr;
mod fact;
mod firing;
mod index;
mod memory;
mod network;
mod registry;
mod rules;
mod section;
mod session;
mod standing;
mod state;
mod value;

pub mod limits;

pub use definition::{
    ActionDef, AssertDef, EffectDef, FactDef, PatternDef, RuleBase, RuleDef, RunDef, ServiceDef,
    UpdateDef, WorkflowDef,
};
pub use event::{By, Cause, Entry, Event, Fired, Match, MatchedFact, NewFact};
pub use fact::FactId;
pub use firing::{Firing, FiringPhase};
pub use memory::{Asserted, Memory, Refused};
pub use registry::{RuleActivation, RuleRegistry};
pub use rules::{Rules, RunOn};
pub use session::{Input, RunNow, Session, Step};
pub use standing::RuleStanding;
pub use state::{Phase, State};
pub use value::{Type, Value};
