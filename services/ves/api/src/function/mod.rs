//! What the functions of this service have in common: their parameters and results, and how one
//! runs in its working directory.

pub mod annex_b;
mod bytes;
mod encode;
mod job;
pub mod obu;
mod packets;
mod params;
mod progress;
mod run;
mod tool;
mod track;
mod units;
mod work_dir;

pub use bytes::Bytes;
/// The function that encodes by the codec of this name.
pub fn encoder_function(codec: &str) -> String {
    format!("ves-{codec}")
}

pub use encode::{STREAM, TRACK, UNITS, encode, for_each_unit};
pub use job::Job;
pub use params::{
    AssembleParams, AssembleResult, ChunkElement, EncodeParams, EncodeResult, SplitParams,
    SplitResult, ValidateParams, ValidateResult,
};
pub use progress::Progress;
pub use run::run;
pub use tool::{Tool, ToolFailure};
pub use track::{Framing, Track};
pub use units::{Unit, Units};
pub use work_dir::{WorkDir, io};
