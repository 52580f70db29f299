//! What each node asks of its function.

pub(crate) mod assembler;
pub(crate) mod encoder;
pub(crate) mod ladder;
pub(crate) mod notifier;
pub(crate) mod planner;
pub(crate) mod splitter;
pub(crate) mod survey;
pub(crate) mod validator;

mod common;
