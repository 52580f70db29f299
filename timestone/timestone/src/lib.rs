//! The priority queue as a pure state machine.
