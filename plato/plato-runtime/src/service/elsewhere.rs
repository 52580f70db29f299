//! Workflows that another process serves: found there, and asked there.

use connectrpc::client::CallOptions;
use connectrpc::{ConnectError, ErrorCode, Response, ServiceResult, ServiceStream};
use errors::Error;
use futures::stream;
use proto::plato::v1::{self as wire, PlatoServiceClient};
use tokio::sync::watch;

use super::PlatoServer;
use super::logs::no_log;
use crate::WorkflowSearch;

/// A way to the process that serves the workflows of a service.
pub(super) type Client = PlatoServiceClient<rpc::Transport>;

/// A service whose workflows another process serves.
#[derive(Clone)]
pub struct Remote {
    service: String,
    client: watch::Receiver<Option<Client>>,
}

impl Remote {
    /// `service`, whose workflows are served where `client` leads at the moment.
    pub fn new(
        service: impl Into<String>,
        client: watch::Receiver<Option<PlatoServiceClient<rpc::Transport>>>,
    ) -> Self {
        let service = service.into();
        Self { service, client }
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    fn client(&self) -> Result<Client, ConnectError> {
        let client = self.client.borrow().clone();
        client.ok_or_else(|| {
            let message = format!("service {} does not run at the moment", self.service);
            rpc::refuse_one(Error::platform("SERVICE_AWAY", message).hint("try again"))
        })
    }

    /// A page of its workflows.
    pub(super) async fn page(
        &self,
        request: &wire::ListWorkflowsRequest,
        search: &WorkflowSearch,
    ) -> Result<(Vec<wire::Workflow>, Vec<u8>), ConnectError> {
        let request = wire::ListWorkflowsRequest {
            limit: u32::try_from(search.limit).unwrap_or(u32::MAX),
            cursor: search.cursor.to_vec(),
            ..request.clone()
        };
        let page = self.client()?.list_workflows(request).await?.into_owned();
        Ok((page.workflows, page.next_cursor))
    }

    async fn has(&self, id: &str) -> Result<Option<Client>, ConnectError> {
        let client = self.client()?;
        let request = wire::GetWorkflowRequest {
            workflow_id: id.to_owned(),
            ..Default::default()
        };
        let asked = client.get_workflow(request).await;
        found(asked.map(drop), client)
    }

    /// The log of an invocation of one of its workflows.
    async fn log(
        &self,
        request: &wire::ListFunctionLogsRequest,
    ) -> Result<Option<wire::ListFunctionLogsResponse>, ConnectError> {
        match self.client()?.list_function_logs(request.clone()).await {
            Ok(found) => Ok(Some(found.into_owned())),
            Err(error) if is_away(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn defines(&self, name: &str, version: u32) -> Result<Option<Client>, ConnectError> {
        let client = self.client()?;
        let request = wire::GetDefinitionRequest {
            definition: name.to_owned(),
            definition_version: version,
            ..Default::default()
        };
        let asked = client.get_definition(request).await;
        found(asked.map(drop), client)
    }
}

/// A refusal tells that it is not there; that nobody answers tells nothing.
fn found(asked: Result<(), ConnectError>, client: Client) -> Result<Option<Client>, ConnectError> {
    match asked {
        Ok(()) => Ok(Some(client)),
        Err(error) if is_away(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

fn is_away(error: &ConnectError) -> bool {
    matches!(
        error.code,
        ErrorCode::Unavailable | ErrorCode::DeadlineExceeded
    )
}

impl PlatoServer {
    /// Who serves a workflow that is not one of those served here.
    pub(super) async fn elsewhere(&self, id: &str) -> Result<Option<Client>, ConnectError> {
        if self.remotes.is_empty() || self.find(id).await.is_ok() {
            return Ok(None);
        }
        let mut away = None;
        for remote in &self.remotes {
            match remote.has(id).await {
                Ok(Some(client)) => return Ok(Some(client)),
                Ok(None) => {}
                Err(error) => away = Some(error),
            }
        }
        // It may be one of a service that does not answer.
        away.map_or(Ok(None), Err)
    }

    /// The log of an invocation of a workflow that is not one of those served here.
    pub(super) async fn log_elsewhere(
        &self,
        request: wire::ListFunctionLogsRequest,
    ) -> Result<wire::ListFunctionLogsResponse, ConnectError> {
        let mut away = None;
        for remote in &self.remotes {
            match remote.log(&request).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) => away = Some(error),
            }
        }
        Err(away.unwrap_or_else(|| rpc::refuse_one(no_log(&request.invocation_id))))
    }

    /// Who serves workflows of a definition that is not one of those known here.
    pub(super) async fn defined_elsewhere(
        &self,
        name: &str,
        version: u32,
    ) -> Result<Option<Client>, ConnectError> {
        if self.services.iter().any(|here| here.knows(name, version)) {
            return Ok(None);
        }
        let mut away = None;
        for remote in &self.remotes {
            match remote.defines(name, version).await {
                Ok(Some(client)) => return Ok(Some(client)),
                Ok(None) => {}
                Err(error) => away = Some(error),
            }
        }
        away.map_or(Ok(None), Err)
    }
}

/// What is told there, as it is told.
pub(super) async fn follow(
    there: Client,
    request: wire::WatchWorkflowRequest,
) -> ServiceResult<ServiceStream<wire::WatchWorkflowResponse>> {
    let options = CallOptions::default().with_timeout(rpc::limits::MAX_CALL_TIMEOUT);
    let told = there.watch_workflow_with_options(request, options).await?;
    let told = stream::try_unfold(told, async |mut told| {
        let said = told.message().await?;
        Ok(said.map(|said| (said.to_owned_message(), told)))
    });
    Response::stream_ok(told)
}
