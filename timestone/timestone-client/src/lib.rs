//! The queue as its users see it: one client, in process or over RPC.
