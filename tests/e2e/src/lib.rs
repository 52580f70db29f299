//! End to end: separate processes, kills, real engines.
