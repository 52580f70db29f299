//! Functions in containers of a Docker engine.
