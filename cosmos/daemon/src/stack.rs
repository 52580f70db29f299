use std::fmt;
use std::future::Future;

use futures::FutureExt;
use futures::future::BoxFuture;

/// A part of an installation that can be a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Timestone,
    Optimus,
    Plato,
    Stratum,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestone => "timestone",
            Self::Optimus => "optimus",
            Self::Plato => "plato",
            Self::Stratum => "stratum",
        })
    }
}

/// Roles at work, stopped in the reverse order of their start.
#[derive(Default)]
pub(crate) struct Stack {
    stops: Vec<(&'static str, BoxFuture<'static, ()>)>,
}

impl Stack {
    /// Remembers how to stop what was started. `stop` does nothing until then.
    pub(crate) fn push(
        &mut self,
        name: &'static str,
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        self.stops.push((name, stop.boxed()));
    }

    /// Stops everything.
    pub(crate) async fn shutdown(mut self) {
        while let Some((name, stop)) = self.stops.pop() {
            stop.await;
            tracing::debug!(name, "stopped");
        }
    }
}
