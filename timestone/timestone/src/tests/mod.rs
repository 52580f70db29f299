#![allow(clippy::unwrap_used, clippy::panic)]

mod history;
mod lanes;
mod letters;
mod managed;
mod model;
mod retention;
mod rules;
mod step;
mod watched;
mod wording;
