//! The Video Validation Service over a real socket, from request to response.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod json;
mod world;

mod refuse;
mod validate;
