//! The kit of a function: its working directory, parameters, progress and media tools.
//!
//! A function is a program in a sandbox. It finds `params.json` and `input/` in its working
//! directory, and leaves `output/result.json` and further files, or `output/error.json`:
//!
//! ```no_run
//! use errors::Error;
//! use stratum_function::{Progress, WorkDir, run};
//!
//! #[derive(serde::Deserialize)]
//! struct Params {
//!     frames: u64,
//! }
//!
//! fn count(work: &WorkDir, params: Params, progress: &mut Progress) -> Result<u64, Error> {
//!     progress.tell(1, 2);
//!     Ok(params.frames + u64::from(work.input("more").exists()))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     run(count)
//! }
//! ```
//!
//! Media tools run as children of the function, within its sandbox: [`Tool`].

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod progress;
mod run;
mod tool;
mod work_dir;

pub use progress::Progress;
pub use run::run;
pub use tool::{Ended, Tool, ToolFailure};
pub use work_dir::{WorkDir, io};
