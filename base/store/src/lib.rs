//! The storage interface under everything that remembers, its conformance suite and fakes.
