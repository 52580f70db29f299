//! The roles of a Cosmos installation, put together from one configuration file.
//!
//! Adapters are chosen here and nowhere else.

mod advertise;
mod config;
mod functions;
mod one_shot;
mod parts;
mod roles;
mod serve;
mod services;
mod stack;

pub use config::{Config, DEFAULT_CONFIG};
pub use one_shot::{OneShot, OneShotConfig};
pub use serve::{run, up};
pub use stack::Role;
