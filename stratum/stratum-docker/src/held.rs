//! A container that does not outlive its host's interest.

use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures::StreamExt;
use stratum_init::{Carrier, Ending, Exit, Reason, Status};

use crate::error::cannot;
use crate::{Engine, EngineError};

/// What a kernel says of a process that it killed.
const KILLED: i32 = 9;
/// How long a container may take to end after its first process has.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container, removed at the latest when this value is dropped.
pub(crate) struct Held {
    pub(crate) id: String,
    engine: Engine,
    removed: bool,
}

impl Held {
    pub(crate) fn new(id: String, engine: Engine) -> Self {
        Self {
            id,
            engine,
            removed: false,
        }
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Result<(), EngineError> {
        let mut ends = std::pin::pin!(self.engine.docker.wait_container(&self.id, None));
        match ends.next().await {
            // A status other than 0 is told as an error; the container's state tells it again.
            None | Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(cannot("wait for a container")(error)),
        }
    }

    async fn last_state(&self) -> Result<ContainerState, EngineError> {
        tokio::select! {
            ended = self.ended() => ended?,
            // Whatever holds it up, it is killed when it is removed.
            () = self.engine.clock.sleep(PATIENCE) => {}
        }
        let inspected = self.engine.docker.inspect_container(&self.id, None).await;
        let inspected = inspected.map_err(cannot("inspect a container"))?;
        Ok(inspected.state.unwrap_or_default())
    }

    pub(crate) async fn remove(mut self) -> Result<(), EngineError> {
        let removed = self.engine.remove(&self.id).await;
        self.removed = removed.is_ok();
        removed
    }
}

impl Carrier for Held {
    fn end(self: Box<Self>, told: Option<Exit>) -> Ending {
        Box::pin(async move {
            let state = self.last_state().await;
            self.remove().await?;
            judge(told, &state?)
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if std::mem::replace(&mut self.removed, true) {
            return;
        }
        let (engine, id) = (self.engine.clone(), std::mem::take(&mut self.id));
        runtime.spawn(async move {
            if let Err(error) = engine.remove(&id).await {
                tracing::warn!(%error, container = id, "a container was left to the next sweep");
            }
        });
    }
}

impl Engine {
    /// Kills and removes a container; one that is gone, or going, is as good.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true);
        match self
            .docker
            .remove_container(id, Some(options.build()))
            .await
        {
            Err(Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => Ok(()),
            removed => removed.map_err(cannot("remove a container")),
        }
    }
}

/// The engine knows of memory what init may not: that the kernel killed for the want of it.
fn judge(told: Option<Exit>, state: &ContainerState) -> Result<Exit, stratum_init::Error> {
    let starved = state.oom_killed == Some(true);
    match told {
        // Also where the command went on without the process that was killed, as a pipe does.
        Some(exit) if starved && exit.reason == Reason::Ended => Ok(Exit {
            reason: Reason::Memory,
            ..exit
        }),
        Some(exit) => Ok(exit),
        None if starved => Ok(killed()),
        None => Err(stratum_init::Error::InitDied {
            status: format!(
                "its container ended with {}",
                state.exit_code.unwrap_or_default()
            ),
        }),
    }
}

/// Init went with its command, and took what it knew along.
fn killed() -> Exit {
    Exit::unmeasured(Status::Signal(KILLED), Reason::Memory)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judged(status: Option<Status>, reason: Reason, starved: bool) -> Option<Reason> {
        let told = status.map(|status| Exit::unmeasured(status, reason));
        let state = ContainerState {
            oom_killed: Some(starved),
            exit_code: Some(137),
            ..ContainerState::default()
        };
        judge(told, &state).ok().map(|exit| exit.reason)
    }

    #[test]
    fn want_of_memory_explains_every_end_that_nobody_asked_for() {
        use Reason::{Ended, Killed, Memory, WallTime};
        for (status, reason, starved, expected) in [
            (Some(Status::Code(0)), Ended, true, Some(Memory)),
            (Some(Status::Code(0)), Ended, false, Some(Ended)),
            (Some(Status::Code(137)), Ended, true, Some(Memory)),
            (Some(Status::Code(137)), Ended, false, Some(Ended)),
            (Some(Status::Signal(9)), Killed, true, Some(Killed)),
            (Some(Status::Signal(9)), WallTime, true, Some(WallTime)),
            (None, Ended, true, Some(Memory)),
            (None, Ended, false, None),
        ] {
            assert_eq!(judged(status, reason, starved), expected);
        }
    }
}
