//! The frame table of a source and exact frame ranges out of it.
