//! A file system that forgets what was not synced, and the proofs made with it.
