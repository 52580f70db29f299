//! The files a request names: opened beneath their roots, told apart, published whole.

mod beneath;
mod publish;
mod source;
mod target;

pub(crate) use publish::{Publication, publish};
pub(crate) use source::identify;
pub(crate) use target::check_target;

#[cfg(test)]
mod tests;
