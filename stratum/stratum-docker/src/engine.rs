use std::collections::HashMap;

use bollard::errors::Error;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use bytes::Bytes;
use clock::SharedClock;
use futures::{StreamExt, TryStreamExt};

use crate::EngineError;
use crate::error::cannot;

/// The label that tells whose a container is.
pub(crate) const OWNER: &str = "cosmos.owner";
/// One call to the engine, in seconds. A wait for a container is cut off by its timeout instead.
const CALL_SECONDS: u64 = 7 * 24 * 3_600;

/// A Docker engine on this host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    pub(crate) clock: SharedClock,
    pub(crate) owner: String,
}

impl Engine {
    /// Connects to the engine at `socket`; `owner` labels its containers.
    ///
    /// # Errors
    /// When no engine answers there.
    pub async fn connect(
        socket: &str,
        owner: &str,
        clock: SharedClock,
    ) -> Result<Self, EngineError> {
        let docker = Docker::connect_with_unix(socket, CALL_SECONDS, API_DEFAULT_VERSION);
        let docker = docker.map_err(cannot("connect to the engine"))?;
        let docker = docker.negotiate_version().await;
        Ok(Self {
            docker: docker.map_err(cannot("agree on a version with the engine"))?,
            clock,
            owner: owner.to_owned(),
        })
    }

    /// Makes an image of one layer from a tar archive of a root directory; its id.
    ///
    /// # Errors
    /// When the engine does not take it.
    pub async fn import(&self, tar: Bytes) -> Result<String, EngineError> {
        let options = CreateImageOptionsBuilder::default().from_src("-").build();
        let told = self
            .docker
            .create_image(Some(options), Some(body_full(tar)), None);
        let told: Vec<_> = told
            .try_collect()
            .await
            .map_err(cannot("import an image"))?;
        let id = told.into_iter().filter_map(|line| line.status).next_back();
        id.filter(|id| id.starts_with("sha256:"))
            .ok_or(EngineError::NoImage)
    }

    /// Removes the containers that an earlier life of this owner left; how many there were.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn sweep(&self) -> Result<usize, EngineError> {
        let label = format!("{OWNER}={}", self.owner);
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters);
        let left = self.docker.list_containers(Some(options.build())).await;
        let left = left.map_err(cannot("list containers"))?;
        let ids: Vec<String> = left
            .into_iter()
            .filter_map(|container| container.id)
            .collect();
        let removals = futures::stream::iter(&ids).then(|id| remove(&self.docker, id));
        removals.try_collect::<()>().await?;
        Ok(ids.len())
    }
}

/// Kills and removes a container; one that is gone, or going, is as good.
pub(crate) async fn remove(docker: &Docker, id: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true);
    match docker.remove_container(id, Some(options.build())).await {
        Err(Error::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        removed => removed.map_err(cannot("remove a container")),
    }
}
