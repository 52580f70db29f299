//! Functions in containers of a Docker engine.
//!
//! An [`Engine`] gives a command what a sandbox of the host gives it, by the means of an engine: a
//! container that has no network, a read-only root, no capabilities and no privileges to gain, the
//! processors and memory of its shape, and of the host only the paths that its spec names. Its
//! first process is the `cosmos-init` of the host, so that limits, progress, logs and ends are
//! told in the same words, and so that it ends when its host does, however that ends.
//!
//! The engine is one of this host: containers share its files.

mod container;
mod engine;
mod error;
mod hand_over;
mod held;
mod image;
mod images;
mod kit;
mod launch;

pub use engine::Engine;
pub use error::EngineError;
pub use images::Images;
