//! What each node asks of its function.

pub(crate) mod answer;
pub(crate) mod inspect;
pub(crate) mod plan;
pub(crate) mod reference;
pub(crate) mod verdict;

mod common;
