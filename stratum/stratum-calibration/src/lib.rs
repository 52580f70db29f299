//! Which shapes a function should have, from measurements of it.
//!
//! [`Measured`] holds the [`Run`]s of some [`Sample`]s over a grid of [`Size`]s. [`cells`] says
//! what came of each sample in each size, with its spread; [`doubts`] why that may not be worth
//! believing; [`propose`] which shapes and rules follow. Nothing here runs anything: the same
//! measurements give the same proposal.
//!
//! What is proposed was measured: each sample gets a size in which it ended every time, with room
//! to spare beyond the most that it took in any run with as many processors.

mod cell;
mod choice;
mod doubt;
pub mod limits;
mod measured;
mod proposal;
mod test;
mod tree;
mod yaml;

pub use cell::{Cell, Figures, Spread, cells};
pub use choice::{Terms, Unfit};
pub use doubt::{Doubt, Why, doubts};
pub use measured::{End, Measured, Run, Sample, Size};
pub use proposal::{Proposal, ProposedRule, Refused, propose};
