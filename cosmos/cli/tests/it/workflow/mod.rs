//! Conversations of an operator with `cosmos workflow`.

mod change;
mod logs;
mod look;
mod reach;
mod rules;
mod world;
