//! The roles of a Cosmos installation, put together from one configuration file.

mod config;

pub use config::{Config, DEFAULT_CONFIG};
