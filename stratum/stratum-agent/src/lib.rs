//! The host agent: leases invocations, stages media, publishes results.
