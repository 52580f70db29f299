//! Generators of hard clips.
//!
//! [`clip`] makes a clip with ffmpeg the first time that somebody asks, and keeps it: parallel
//! tests share it. [`framemd5`] is the oracle beside it: what one plain linear decode gives.
//! [`init_binary`] is the `cosmos-init` that tests of other crates confine their tools with,
//! [`Daemon`] a Docker engine, [`ImageRegistry`] where it finds images, [`root_archive`] an image
//! for it that no registry is asked for, and [`check_metrics`] what judges the metrics of servers.

mod cache;
mod clip;
mod docker;
mod init;
mod metrics;
mod oracle;
mod registry;
mod root;
mod skip;
mod tool;

pub use cache::{clip, media};
pub use clip::Clip;
pub use docker::Daemon;
pub use init::init_binary;
pub use metrics::check_metrics;
pub use oracle::{Frame, framemd5, frames};
pub use registry::ImageRegistry;
pub use root::root_archive;
pub use skip::skip;
pub use tool::{ffmpeg_vvc, have, run};
