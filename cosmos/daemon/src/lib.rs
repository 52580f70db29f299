//! The roles of a Cosmos installation, put together from one configuration file.

mod advertise;
pub mod functions;
mod one_shot;
mod outside;
mod roles;
mod serve;
mod services;
mod stack;
mod sweeper;
mod trial;
mod versions;

pub use one_shot::{OneShot, OneShotConfig};
pub use serve::{run, up};
pub use service_kit::{Config, DEFAULT_CONFIG};
pub use stack::Role;
pub use trial::Trial;

use service_kit::parts;
pub use service_kit::parts::blobs;
