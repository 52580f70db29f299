//! The only door to time: a clock trait, the system clock and one that tests turn.
