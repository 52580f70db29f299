//! `ves encode --ladder`: several encodes of one film, as one request.

mod encode;
mod file;
mod plan;

pub(super) use encode::main;
pub(super) use plan::Ladder;
