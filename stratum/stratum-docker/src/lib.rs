//! Functions in containers of a Docker engine.
//!
//! The same function, working directory and shape as in a sandbox of the host:
//! [`Engine::run`] gives it a container that has no network, a read-only root, no
//! capabilities and no privileges to gain, the processors and memory of its shape,
//! and its working directory at `/work`. How it ended is told in the words of
//! [`stratum_init`], so that a host need not know where it ran.

mod container;
mod engine;
mod error;
mod run;

pub use engine::Engine;
pub use error::EngineError;
pub use run::{Ended, Job};
