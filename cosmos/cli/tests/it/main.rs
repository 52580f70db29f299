//! Whole conversations with the commands, as a terminal shows them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod batch;
mod cache;
mod cosmos;
mod files;
mod function;
mod help;
mod image;
mod ladder;
mod new;
mod pages;
mod presets;
mod queue;
mod server;
mod shapes;
mod simulate;
mod talk;
mod workflow;
