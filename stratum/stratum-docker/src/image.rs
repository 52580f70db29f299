//! Images: whether the engine has one, and what it says of its environment.

use bollard::body_full;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures::TryStreamExt;

use crate::error::cannot;
use crate::{Engine, EngineError};

impl Engine {
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

    /// The environment of an image, which is pulled where it is not there yet.
    pub(crate) async fn environment(&self, image: &str) -> Result<Vec<String>, EngineError> {
        let found = match self.docker.inspect_image(image).await {
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => {
                self.pull(image).await?;
                self.docker.inspect_image(image).await
            }
            found => found,
        };
        let config = found.map_err(cannot("look at an image"))?.config;
        Ok(config.and_then(|config| config.env).unwrap_or_default())
    }

    async fn pull(&self, image: &str) -> Result<(), EngineError> {
        let named = image.split_once('@');
        let (name, digest) = named.ok_or_else(|| EngineError::NotHere(image.to_owned()))?;
        let options = CreateImageOptionsBuilder::default()
            .from_image(name)
            .tag(digest)
            .build();
        let told = self.docker.create_image(Some(options), None, None);
        let pulled = told.try_for_each(|_| std::future::ready(Ok(()))).await;
        pulled.map_err(cannot("pull an image"))
    }
}
