//! Where a result goes: a place that is free, and then the whole file.

mod publish;
mod target;

pub(crate) use publish::{Publication, publish};
pub(crate) use target::check_target;

#[cfg(test)]
mod tests;
