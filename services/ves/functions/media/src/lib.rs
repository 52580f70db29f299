//! The codec-independent functions: split, assemble, validate.
