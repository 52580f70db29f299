use crate::{TaskId, limits};

/// What cannot be placed by anyone, because it does not make sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{0} pools: there must be 1 to {most}", most = limits::POOLS)]
    Pools(usize),
    #[error("pool `{pool}`: {rule}")]
    Pool { pool: String, rule: &'static str },
    #[error("host `{host}`: {rule}")]
    Host { host: String, rule: &'static str },
    #[error("task {task}: {rule}")]
    Task { task: TaskId, rule: &'static str },
}
