//! The shared store: PostgreSQL, shards fenced by epoch.
