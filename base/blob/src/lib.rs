//! Immutable bytes addressed by digest.
