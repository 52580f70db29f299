use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::ContainerState;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use stratum::{Function, Shape, limits};
use stratum_init::{Reason, Status};

use crate::engine::remove;
use crate::error::cannot;
use crate::{Engine, EngineError, container};

/// A shell and an engine tell the signal that ended a process by its number and this.
const SIGNALED: i64 = 128;
/// The signals that are told so; other exit statuses beyond 128 are a function's own.
const SIGNALS: [i64; 9] = [4, 6, 7, 8, 9, 11, 15, 25, 31];

/// One run of a function.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The id of an image that holds the function's program.
    pub image: &'a str,
    /// Its command names the program by its path in the image.
    pub function: &'a Function,
    pub shape: &'a Shape,
    /// Absolute; has `params.json`, `input`, `output` and `tmp`. Outputs are left in it.
    pub work_dir: &'a Path,
    /// The user and group that it runs as; not root.
    pub user: u32,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: Status,
    /// Tells a limit from the function's own doing.
    pub reason: Reason,
    /// What the function wrote to standard output, bounded.
    pub stdout: Vec<u8>,
    /// What the function wrote to standard error, bounded.
    pub stderr: Vec<u8>,
}

impl Engine {
    /// Runs a function to its end, or to the end of its timeout. When the future is
    /// dropped, the container is killed.
    ///
    /// # Errors
    /// When the engine cannot run it. However the function ends is no error.
    pub async fn run(&self, job: &Job<'_>) -> Result<Ended, EngineError> {
        container::hand_over(job)?;
        let body = container::body(job, &self.owner);
        let created = self.docker.create_container(None, body).await;
        let container = Container {
            id: created.map_err(cannot("create a container"))?.id,
            docker: Some(self.docker.clone()),
        };
        let ended = self.watch(&container.id, job.function.timeout).await;
        container.remove().await?;
        ended
    }

    async fn watch(&self, id: &str, timeout: Duration) -> Result<Ended, EngineError> {
        let started = self.docker.start_container(id, None).await;
        started.map_err(cannot("start a container"))?;
        let late = tokio::select! {
            ended = self.ended(id) => ended.map(|()| false)?,
            () = self.clock.sleep(timeout) => true,
        };
        if late {
            // One that has just ended by itself has nothing to kill.
            let _ = self.docker.kill_container(id, None).await;
            self.ended(id).await?;
        }
        let inspected = self.docker.inspect_container(id, None).await;
        let state = inspected.map_err(cannot("inspect a container"))?.state;
        let (status, reason) = judge(&state.unwrap_or_default(), late);
        let (stdout, stderr) = self.said(id).await?;
        Ok(Ended {
            status,
            reason,
            stdout,
            stderr,
        })
    }

    /// Waits for the end of a container.
    async fn ended(&self, id: &str) -> Result<(), EngineError> {
        let mut ends = std::pin::pin!(self.docker.wait_container(id, None));
        match ends.next().await {
            // A status other than 0 is told as an error; the container's state tells it again.
            None | Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) => {
                Ok(())
            }
            Some(Err(error)) => Err(cannot("wait for a container")(error)),
        }
    }

    async fn said(&self, id: &str) -> Result<(Vec<u8>, Vec<u8>), EngineError> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true);
        let mut lines = std::pin::pin!(self.docker.logs(id, Some(options.build())));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next().await {
            match line.map_err(cannot("read what a container said"))? {
                LogOutput::StdErr { message } => keep(&mut stderr, &message),
                other => keep(&mut stdout, &other.into_bytes()),
            }
        }
        Ok((stdout, stderr))
    }
}

fn keep(log: &mut Vec<u8>, message: &[u8]) {
    let room = usize::try_from(limits::LOG)
        .unwrap_or(usize::MAX)
        .saturating_sub(log.len());
    log.extend_from_slice(&message[..message.len().min(room)]);
}

fn judge(state: &ContainerState, late: bool) -> (Status, Reason) {
    let code = state.exit_code.unwrap_or_default();
    let status = match SIGNALS.contains(&(code - SIGNALED)) {
        true => Status::Signal(number(code - SIGNALED)),
        false => Status::Code(number(code)),
    };
    let reason = if state.oom_killed == Some(true) {
        Reason::Memory
    } else if late && status == Status::Signal(9) {
        Reason::WallTime
    } else {
        Reason::Ended
    };
    (status, reason)
}

fn number(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MAX)
}

/// A container that does not outlive this value.
struct Container {
    id: String,
    /// Taken when it was removed.
    docker: Option<Docker>,
}

impl Container {
    async fn remove(mut self) -> Result<(), EngineError> {
        match self.docker.clone() {
            Some(docker) => remove(&docker, &self.id)
                .await
                .inspect(|()| self.docker = None),
            None => Ok(()),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let (Some(docker), Ok(runtime)) =
            (self.docker.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let id = std::mem::take(&mut self.id);
        runtime.spawn(async move {
            if let Err(error) = remove(&docker, &id).await {
                tracing::warn!(%error, container = id, "a container was left to the next sweep");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: i64, oom: bool, late: bool) -> (Status, Reason) {
        let state = ContainerState {
            exit_code: Some(code),
            oom_killed: Some(oom),
            ..ContainerState::default()
        };
        judge(&state, late)
    }

    #[test]
    fn ends_are_told_in_the_hosts_words() {
        assert_eq!(judged(0, false, false), (Status::Code(0), Reason::Ended));
        assert_eq!(judged(3, false, false), (Status::Code(3), Reason::Ended));
        assert_eq!(
            judged(130, false, false),
            (Status::Code(130), Reason::Ended)
        );
        assert_eq!(
            judged(139, false, false),
            (Status::Signal(11), Reason::Ended)
        );
        assert_eq!(
            judged(137, true, false),
            (Status::Signal(9), Reason::Memory)
        );
        assert_eq!(
            judged(137, false, true),
            (Status::Signal(9), Reason::WallTime)
        );
        assert_eq!(judged(0, false, true), (Status::Code(0), Reason::Ended));
    }
}
