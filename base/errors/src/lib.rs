//! The one error type that travels from a function to the API.

mod class;
mod error;
mod wire;

pub use class::Class;
pub use error::{Error, FrameRange};
