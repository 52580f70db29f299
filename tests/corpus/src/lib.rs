//! Generators of hard clips.

mod skip;

pub use skip::skip;
