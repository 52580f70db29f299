//! From a spec to a command that runs in a container.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use stratum_init::{Answer, Container, Containers, Running, Spec, Strictness};
use tokio::net::{UnixListener, UnixStream};

use crate::error::{cannot, file};
use crate::hand_over::User;
use crate::held::Held;
use crate::{Engine, EngineError, container};

/// The control socket, in its directory.
const SOCKET: &str = "socket";
/// Where programs are found by name, unless the image says otherwise.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// How long a container may take to call.
const PATIENCE: Duration = Duration::from_secs(300);

impl Containers for Engine {
    fn launch<'a>(&'a self, container: Container<'a>, spec: &'a Spec) -> Answer<'a, Running> {
        Box::pin(async move {
            let spec = self.inside(&container, spec).await?;
            self.user.take(&spec)?;
            let door = Door::open(container.control, self.user)?;
            let (held, socket) = self.start(&container, &spec, &door).await?;
            door.close();
            let socket = socket.into_std()?;
            Running::converse(socket, &spec, held).await
        })
    }

    fn sweep(&self) -> Answer<'_, usize> {
        Box::pin(async move { Ok(self.remove_all().await?) })
    }
}

impl Engine {
    /// The spec as init will carry it out: the container confines, and has an environment.
    async fn inside(&self, container: &Container<'_>, spec: &Spec) -> Result<Spec, EngineError> {
        let image = self.environment(container.image).await?;
        let mut spec = spec.clone();
        spec.sandbox.strictness = Strictness::Off;
        let own = std::mem::take(&mut spec.env);
        spec.env = environment(&image);
        spec.env.extend(own);
        Ok(spec)
    }

    /// A container that runs, and its init on the line.
    async fn start(
        &self,
        container: &Container<'_>,
        spec: &Spec,
        door: &Door,
    ) -> Result<(Held, UnixStream), EngineError> {
        let body = container::body(self, container, spec, SOCKET);
        let created = self.docker.create_container(None, body).await;
        let id = created.map_err(cannot("create a container"))?.id;
        let held = Held::new(id, self.clone());
        match self.call(&held, door).await {
            Ok(socket) => Ok((held, socket)),
            Err(error) => {
                held.remove().await?;
                Err(error)
            }
        }
    }

    async fn call(&self, held: &Held, door: &Door) -> Result<UnixStream, EngineError> {
        let started = self.docker.start_container(&held.id, None).await;
        started.map_err(cannot("start a container"))?;
        tokio::select! {
            biased;
            called = door.listener.accept() => {
                called.map(|(socket, _)| socket).map_err(file(&door.folder))
            }
            ended = held.ended() => {
                ended?;
                Err(EngineError::NotRunning(self.last_words(&held.id).await))
            }
            () = self.clock.sleep(PATIENCE) => {
                Err(EngineError::NotRunning("its first process never called".into()))
            }
        }
    }

    /// What a container that ended early said.
    async fn last_words(&self, id: &str) -> String {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail("5");
        let lines = self.docker.logs(id, Some(options.build()));
        let lines = lines.filter_map(|line| std::future::ready(line.ok()));
        let words: Vec<_> = lines.map(LogOutput::into_bytes).collect().await;
        let words = String::from_utf8_lossy(&words.concat()).trim().to_owned();
        match words.is_empty() {
            true => "it ended without a word".into(),
            false => words,
        }
    }
}

fn environment(image: &[String]) -> BTreeMap<OsString, OsString> {
    let own = image.iter().filter_map(|line| line.split_once('='));
    [("PATH", SEARCH_PATH)]
        .into_iter()
        .chain(own)
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Where a container's init finds its host.
struct Door {
    folder: PathBuf,
    listener: UnixListener,
}

impl Door {
    /// Only the containers' user may call.
    fn open(folder: &Path, user: User) -> Result<Self, EngineError> {
        fs::create_dir_all(folder).map_err(file(folder))?;
        let opened = fs::File::open(folder).map_err(file(folder))?;
        // The names of sockets are short; the path of the folder may be long.
        let path = format!("/proc/self/fd/{}/{SOCKET}", opened.as_raw_fd());
        let listener = UnixListener::bind(path).map_err(file(folder))?;
        user.own(&folder.join(SOCKET))?;
        Ok(Self {
            folder: folder.to_owned(),
            listener,
        })
    }

    /// Nobody else may call.
    fn close(self) {
        let socket = self.folder.join(SOCKET);
        if let Err(error) = fs::remove_file(&socket) {
            tracing::warn!(%error, socket = %socket.display(), "a control socket was left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_may_say_where_programs_are() {
        let path = |image: &[&str]| {
            let image: Vec<_> = image.iter().map(|line| (*line).to_owned()).collect();
            environment(&image).remove(&OsString::from("PATH"))
        };
        assert_eq!(path(&["A=b=c"]), Some(SEARCH_PATH.into()));
        assert_eq!(path(&["PATH=/opt/bin"]), Some("/opt/bin".into()));
    }
}
