//! Plato, its queue and its workers in one thread of virtual time, under seeded failures.
//!
//! Two processes of the real runtime own random workflows, over the real queue. Calls and
//! answers are lost, commits fail or arrive late, owners stand still past their epoch or die
//! between any two steps, clocks are wrong, results come twice, late and in any order, and
//! people cancel, pause, retry and signal. Every commit is judged as it takes effect; when
//! all calms down, everything acknowledged has to come to its end. The same seed gives the
//! same bytes of log.

mod coverage;
mod planted;
mod process;
mod random;
mod shapes;
mod soak;
mod store;
mod trial;
mod watch;

pub use coverage::{Counted, Coverage, DECLARED, Transition};
pub use planted::Mistake;
pub use soak::{Summary, soak};
pub use trial::{Trial, run};
