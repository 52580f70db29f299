//! Conversations of an operator with `cosmos workflow`.

mod change;
mod look;
mod reach;
mod rules;
mod world;
