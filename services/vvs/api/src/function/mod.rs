//! What the functions of this service are given and give back, and what its workflow is given.

mod job;
mod params;

pub use job::{File, Job};
pub use params::{
    FingerprintParams, FingerprintResult, InspectParams, InspectResult, PlanParams, PlanResult,
    Segment, VerdictParams, file,
};
