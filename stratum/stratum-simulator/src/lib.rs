//! A day of arrivals against placement and scaling, and against naive ones.
//!
//! A [`Mix`] says what arrives, when, and what it asks for, relative to the size of the cluster.
//! [`simulate`] lets it arrive, second by second, at one [`Policy`]: the real placement and
//! scaling of `stratum-placement`, or what a cluster does without them. Seeded: all policies see
//! the same arrivals and the same times of service, and a run is the same each time.

mod arrivals;
pub mod limits;
mod mix;
mod outcome;
mod policy;
mod random;
mod world;

pub use mix::{HostKind, InvalidMix, Mix, PoolShare, Queue};
pub use outcome::{ByClass, Outcome, Sample};
pub use policy::Policy;
pub use random::Random;
pub use world::{Setup, simulate};
