//! Placement and scaling as their callers see them: walks, adversaries, sentences.

#![allow(clippy::unwrap_used, clippy::panic)]

mod fairness;
mod packing;
mod scaling;
mod sentences;
mod starvation;
mod support;
mod walk;
