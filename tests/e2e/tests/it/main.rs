//! Proofs over separate processes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bad;
mod batch;
mod buffer;
mod cat;
mod contained;
mod dry_run;
mod four_processes;
mod images;
mod ladder;
mod monitoring;
mod one_process;
mod outside;
mod pictures;
mod probe;
mod quality;
mod readme;
mod server;
mod sources;
mod sweep;
mod takeovers;
mod validate;
mod versions;
mod vvc;
mod watch_folder;
mod wide_map;
