//! Identifiers: time-ordered for what people see, derived by hash for what machines retry.
