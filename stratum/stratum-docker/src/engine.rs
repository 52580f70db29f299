use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};
use clock::SharedClock;
use stratum_init::Init;

use crate::EngineError;
use crate::error::cannot;
use crate::hand_over::User;
use crate::kit::Kit;

/// The label that tells whose a container is.
pub(crate) const OWNER: &str = "cosmos.owner";
/// One call to the engine, in seconds. Waits for containers and images last long.
const CALL_SECONDS: u64 = 7 * 24 * 3_600;

/// A Docker engine on this host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    pub(crate) clock: SharedClock,
    pub(crate) owner: Arc<str>,
    pub(crate) kit: Arc<Kit>,
    pub(crate) user: User,
}

impl Engine {
    /// Connects to the engine at `socket`. `owner` labels its containers: no two hosts that live
    /// at the same time share one. `init` is brought into every container.
    ///
    /// # Errors
    /// When no engine answers there, or `init` is not to be had.
    pub async fn connect(
        socket: &str,
        owner: &str,
        init: &Init,
        clock: SharedClock,
    ) -> Result<Self, EngineError> {
        let docker = Docker::connect_with_unix(socket, CALL_SECONDS, API_DEFAULT_VERSION);
        let docker = docker.map_err(cannot("be reached"))?;
        let docker = docker.negotiate_version().await;
        Ok(Self {
            docker: docker.map_err(cannot("agree on a version"))?,
            clock,
            owner: owner.into(),
            kit: Arc::new(Kit::of(init.path())?),
            user: User::of_this_host(),
        })
    }

    /// Removes the containers that an earlier life of this owner left; how many there were.
    pub(crate) async fn remove_all(&self) -> Result<usize, EngineError> {
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
        for id in &ids {
            self.remove(id).await?;
        }
        Ok(ids.len())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
