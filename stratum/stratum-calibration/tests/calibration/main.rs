//! Measurements in, shapes and rules out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod choosing;
mod doubting;
mod routing;
mod support;
mod walk;
