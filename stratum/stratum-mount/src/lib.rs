//! Frames as files: a read-only FUSE mount.
