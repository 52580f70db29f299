//! The Video Encoding Service over a real socket, from request to published file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod json;
mod ladder;
mod world;

mod encode;
mod refuse;
