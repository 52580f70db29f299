//! Images, made and published.

use std::collections::HashMap;

use bollard::models::BuildInfo;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, PushImageOptionsBuilder, TagImageOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::EngineError;
use crate::error::cannot;

/// One call to the engine, in seconds: a build may take long.
const CALL_SECONDS: u64 = 24 * 3_600;

/// The images of a Docker engine.
pub struct Images(Docker);

impl Images {
    /// Connects to the engine at `socket`.
    ///
    /// # Errors
    /// When no engine answers there.
    pub async fn connect(socket: &str) -> Result<Self, EngineError> {
        let docker = Docker::connect_with_unix(socket, CALL_SECONDS, API_DEFAULT_VERSION);
        let docker = docker.map_err(cannot("be reached"))?;
        let docker = docker.negotiate_version().await;
        Ok(Self(docker.map_err(cannot("be reached"))?))
    }

    /// Builds an image by the `Dockerfile` of a context, a tar archive, and names it `tag`; its
    /// id. A `base` is the value of the build's argument `BASE`. `said` is told what the build says.
    ///
    /// # Errors
    /// When a step of the build fails.
    pub async fn build(
        &self,
        context: Bytes,
        tag: &str,
        base: Option<&str>,
        mut said: impl FnMut(&str),
    ) -> Result<String, EngineError> {
        let arguments: HashMap<&str, &str> = base.map(|base| ("BASE", base)).into_iter().collect();
        let options = BuildImageOptionsBuilder::default().t(tag).rm(true);
        let options = options.buildargs(&arguments).build();
        let mut lines = self.0.build_image(options, None, Some(body_full(context)));
        let mut made = None;
        while let Some(line) = lines.try_next().await.map_err(cannot("build the image"))? {
            let BuildInfo { stream, aux, .. } = line;
            stream.iter().for_each(|text| said(text));
            made = aux.and_then(|aux| aux.id).or(made);
        }
        made.ok_or(EngineError::NoImage)
    }

    /// Publishes the image of this tag as `repository:version`; its digest there.
    ///
    /// # Errors
    /// When there is no such image, or the registry does not take it.
    pub async fn push(
        &self,
        tag: &str,
        repository: &str,
        version: &str,
    ) -> Result<String, EngineError> {
        let named = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(version);
        let tagged = self.0.tag_image(tag, Some(named.build())).await;
        tagged.map_err(cannot("name the image"))?;
        let options = PushImageOptionsBuilder::default().tag(version).build();
        let lines = self.0.push_image(repository, Some(options), None);
        let pushed = lines.try_for_each(|_| std::future::ready(Ok(()))).await;
        pushed.map_err(cannot("push the image"))?;
        self.digest(tag, repository).await
    }

    async fn digest(&self, tag: &str, repository: &str) -> Result<String, EngineError> {
        let found = self.0.inspect_image(tag).await;
        let found = found.map_err(cannot("look at the image"))?;
        let digests = found.repo_digests.unwrap_or_default();
        let mut named = digests.iter().filter_map(|name| name.split_once('@'));
        let digest = named.find_map(|(name, digest)| (name == repository).then_some(digest));
        digest.map(str::to_owned).ok_or(EngineError::NoImage)
    }

    /// Whether there is an image of this tag.
    ///
    /// # Errors
    /// When the engine does not say.
    pub async fn has(&self, tag: &str) -> Result<bool, EngineError> {
        match self.0.inspect_image(tag).await {
            Ok(_) => Ok(true),
            Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(false),
            Err(error) => Err(cannot("look at the image")(error)),
        }
    }
}
