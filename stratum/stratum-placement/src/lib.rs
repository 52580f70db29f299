//! What runs where, and how many: placement, pools and scaling as pure decisions.
//!
//! A [`Placer`] knows the [`Host`]s of a cluster, its [`Pool`]s, and the [`Task`]s that wait and
//! run. Each [round](Placer::decide) turns that into [`Decision`]s, which explain themselves. A
//! [`Scaler`] knows one queue and the workers that serve it, and says how many there should be.
//! Neither reads a clock or a network: time is handed in, in Unix milliseconds, and the same
//! calls give the same decisions.
//!
//! - **Never over capacity**, in any dimension.
//! - **Order**: what is within its pool's reserve; then what is overdue; then by class, by what
//!   pools use beyond their reserves relative to their weights, and by deadline.
//! - **Nothing starves**: see [`Patience`].
//! - **Lending**: what a pool has reserved and does not use is used by others, who give it back
//!   when it is asked for.

mod bound;
mod decision;
mod host;
mod index;
mod invalid;
pub mod limits;
mod placer;
mod plan;
mod pool;
mod resources;
mod scaler;
mod task;
mod waiting;

pub use bound::{lower_bound, volume_bound};
pub use decision::{Cause, Choice, Decision, Keep, Preempt, Standing, Start, Why};
pub use host::{Host, HostId};
pub use invalid::Invalid;
pub use placer::Placer;
pub use pool::{Pool, PoolId};
pub use resources::Resources;
pub use scaler::{Goal, Reason, Scaler, Scaling, WorkerId, Workers};
pub use task::{Class, Patience, Task, TaskId};
