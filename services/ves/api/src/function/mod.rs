//! What the functions of this service have in common: their parameters and results, and how one
//! runs in its working directory.

mod job;
mod params;
mod progress;
mod run;
mod tool;
mod units;
mod work_dir;

pub use job::Job;
pub use params::{
    AssembleParams, AssembleResult, AvcParams, AvcResult, ChunkElement, SplitParams, SplitResult,
    ValidateParams, ValidateResult,
};
pub use progress::Progress;
pub use run::run;
pub use tool::{Tool, ToolFailure};
pub use units::{Unit, Units};
pub use work_dir::{WorkDir, io};
