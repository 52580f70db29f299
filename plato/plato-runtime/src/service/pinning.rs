//! Workflows that somebody starts are pinned to versions of the functions that they run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use connectrpc::ConnectError;
use errors::Error;
use plato::{Definition, Run};
use proto::plato::v1 as wire;

use super::PlatoServer;
use super::elsewhere::Client;

/// Chooses the versions of functions.
#[async_trait]
pub trait Pinning: fmt::Debug + Send + Sync + 'static {
    /// The digest of the package of each of these functions, by name, that this workflow gets,
    /// which begins now. An empty `channel` is none in particular.
    ///
    /// # Errors
    /// When the channel is not there, with the field `channel`; or the versions cannot be read.
    async fn pins(
        &self,
        functions: &BTreeSet<String>,
        channel: &str,
        workflow: &str,
    ) -> Result<BTreeMap<String, String>, Error>;
}

impl PlatoServer {
    /// The request with an id, and with a version of each function that the workflow runs.
    pub(super) async fn pinned(
        &self,
        mut request: wire::StartWorkflowRequest,
        there: Option<&Client>,
    ) -> Result<wire::StartWorkflowRequest, ConnectError> {
        if request.workflow_id.is_empty() {
            request.workflow_id = ids::time_ordered();
        }
        let Some(pinning) = &self.pinning else {
            return match request.channel.is_empty() {
                true => Ok(request),
                false => Err(rpc::refuse_one(no_channels())),
            };
        };
        let functions = self.functions(&request, there).await?;
        let pins = pinning.pins(&functions, &request.channel, &request.workflow_id);
        let pins = pins.await.map_err(rpc::refuse_one)?;
        for (name, digest) in pins {
            request.function_digests.entry(name).or_insert(digest);
        }
        // It has been looked at.
        request.channel.clear();
        Ok(request)
    }

    /// Those that the nodes of its definition run; rules run what is installed.
    async fn functions(
        &self,
        request: &wire::StartWorkflowRequest,
        there: Option<&Client>,
    ) -> Result<BTreeSet<String>, ConnectError> {
        let (name, version) = (&request.definition, request.definition_version);
        if let Some(there) = there {
            let asked = wire::GetDefinitionRequest {
                definition: name.clone(),
                definition_version: version,
                ..Default::default()
            };
            let told = there.get_definition(asked).await?.into_owned();
            let read: Option<Definition> = serde_json::from_str(&told.json).ok();
            return Ok(read.iter().flat_map(functions).collect());
        }
        let known = self.services.iter();
        let mut known = known.filter_map(|one| one.definitions.graphs.get(name, version));
        let known = known.next();
        Ok(known
            .iter()
            .flat_map(|activation| functions(activation.plan().definition()))
            .collect())
    }
}

fn functions(definition: &Definition) -> impl Iterator<Item = String> + '_ {
    definition.nodes.iter().filter_map(|node| match &node.run {
        Run::Function(function) => Some(function.clone()),
        _ => None,
    })
}

fn no_channels() -> Error {
    Error::user("NO_SUCH_CHANNEL", "there are no channels here")
        .at("channel")
        .hint("start it where the API is served, or leave the channel out")
}
