//! The owner of queues: the state machine over a store, and its RPC service.
