//! The service as the API kit and the RPC server see it.

mod output;
mod rpc;
mod ves;
mod views;

pub use rpc::VesRpc;
pub use ves::{
    VesConfig, VesService, bitrate_definition, capped_bitrate_definition, capped_definition,
    definition, ladder_definition, quality_definition,
};
