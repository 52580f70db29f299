//! The embedded store: fjall with group commit.
