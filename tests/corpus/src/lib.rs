//! Generators of hard clips.
