#![allow(clippy::unwrap_used, clippy::panic)]

mod history;
mod model;
mod rules;
mod step;
mod wording;
