//! The `cosmos` command: run an installation, or one role of it.

mod args;

pub use args::{Command, Cosmos, Role};
