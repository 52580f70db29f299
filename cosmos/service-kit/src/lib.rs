//! The kit of a service that is a program of its own.
//!
//! Such a service lives where it likes: a folder with a [`service.yaml`](Declaration), the
//! folders of its functions, and a program made of this kit, which runs its workflows:
//!
//! ```no_run
//! use plato_runtime::Definitions;
//!
//! fn main() -> std::process::ExitCode {
//!     service_kit::main("shelf", || Ok(Definitions::default()))
//! }
//! ```
//!
//! `cosmos up --service FOLDER` starts the program and looks after it; on many machines it is
//! started like any other role, with the installation's configuration. It speaks to the rest by
//! messages alone.

mod config;
mod declaration;
mod engine;
pub mod parts;
mod program;

pub use config::{
    BlobsConfig, Config, DEFAULT_CONFIG, HistoryConfig, KedaConfig, OptimusConfig, PlatoConfig,
    StratumConfig, SweepConfig, TimestoneConfig,
};
pub use declaration::{Declaration, MAX_NAME_BYTES};
pub use program::{ANNOUNCED, main};
