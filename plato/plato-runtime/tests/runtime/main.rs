//! Workflows over a real queue and a real store, with workers that answer as agents do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod at_once;
mod children;
mod control;
mod ends;
mod faults;
mod forget;
mod logs;
mod maps;
mod metrics;
mod owners;
mod rules;
mod runs;
mod site;
mod undo;
mod worker;
