//! The test kit at work: what its page promises, and recordings of earlier versions.
#![allow(clippy::unwrap_used, clippy::panic)]

mod histories;
mod kit;
mod owners;
mod page;
mod rules;
