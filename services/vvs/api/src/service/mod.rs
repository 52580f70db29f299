//! The service as the API kit and the RPC server see it.

mod rpc;
mod views;
mod vvs;

pub use rpc::VvsRpc;
pub use vvs::{VvsConfig, VvsService};
