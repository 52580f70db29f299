//! The workflows of an installation, served to those who look after them.
//!
//! What is asked is read from the store, whoever owns the workflow. What is done is a message
//! to its owner, and the answer waits until the store shows that it was done.

mod act;
mod again;
mod elsewhere;
mod explain;
mod listing;
mod logs;
mod outward;
mod pinning;
mod ruled;
mod tell;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use blob::Blobs;
use connectrpc::{
    ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult, ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use proto::plato::v1::{self as wire, PlatoService, PlatoServiceExt};
use store::{Store, StoreError};
use timestone_client::Client;

use crate::{Definitions, Standing, WorkflowReader};
use act::Act;
use outward::Viewed;

/// Entries of a journal in one answer.
const HISTORY: usize = 100;

/// The workflows of one service.
#[derive(Clone, Debug)]
pub struct Workflows {
    pub(crate) reader: WorkflowReader,
    pub(crate) definitions: Definitions,
    /// Where logs are read.
    pub(crate) blobs: Blobs,
    /// How long those that have ended are kept; `None` = nobody has said.
    pub(crate) keep_ended: Option<Duration>,
}

impl Workflows {
    /// Those of `service` in `store`, in `groups` groups, by `definitions`; what functions said
    /// is in `blobs`.
    pub fn new(
        store: Arc<dyn Store>,
        service: impl Into<String>,
        groups: u32,
        definitions: impl Into<Definitions>,
        blobs: Blobs,
    ) -> Self {
        Self {
            reader: WorkflowReader::new(store, service, groups),
            definitions: definitions.into(),
            blobs,
            keep_ended: None,
        }
    }

    /// Says how long those that have ended are kept, as their owners are configured.
    pub fn kept_for(mut self, keep_ended: Option<Duration>) -> Self {
        self.keep_ended = keep_ended;
        self
    }

    fn service(&self) -> &str {
        &self.reader.service
    }
}

pub use elsewhere::Remote;
pub use pinning::Pinning;

/// Serves workflows to other processes.
pub struct PlatoServer {
    services: Vec<Workflows>,
    /// Services whose workflows other processes serve.
    remotes: Vec<Remote>,
    timestone: Client,
    /// What chooses versions of functions; `None` = whatever is installed runs.
    pinning: Option<Arc<dyn Pinning>>,
}

impl PlatoServer {
    /// A server of the workflows of `services`, whose owners are reached through `timestone`.
    pub fn new(services: impl IntoIterator<Item = Workflows>, timestone: Client) -> Self {
        Self {
            services: services.into_iter().collect(),
            remotes: Vec::new(),
            timestone,
            pinning: None,
        }
    }

    /// Pins what is started to versions of its functions.
    pub fn pinned_by(mut self, pinning: Arc<dyn Pinning>) -> Self {
        self.pinning = Some(pinning);
        self
    }

    /// Serves the workflows of these services as well, by asking who has them.
    pub fn with(mut self, remotes: impl IntoIterator<Item = Remote>) -> Self {
        self.remotes.extend(remotes);
        self
    }

    /// The service, for `rpc::Server::services`, beside what `routes` serves already.
    pub fn register(self, routes: Router) -> Router {
        PlatoServiceExt::register(Arc::new(self), routes)
    }

    /// The workflow, and whose it is.
    async fn find(&self, id: &str) -> Result<(&Workflows, Standing), ConnectError> {
        for workflows in &self.services {
            let standing = workflows.reader.standing(id).await.map_err(unreadable)?;
            if let Some(standing) = standing {
                return Ok((workflows, standing));
            }
        }
        Err(rpc::refuse_one(not_found(id)))
    }

    async fn view(
        &self,
        workflows: &Workflows,
        standing: Standing,
    ) -> Result<wire::Workflow, ConnectError> {
        let viewed = Viewed::read(workflows, standing).await;
        Ok(viewed.map_err(unreadable)?.outward())
    }

    async fn act(&self, id: &str, act: Act) -> Result<wire::Workflow, ConnectError> {
        let (workflows, state) = self.find(id).await?;
        let state = act.carry_out(&self.timestone, workflows, state).await;
        self.view(workflows, state.map_err(rpc::refuse_one)?).await
    }
}

fn not_found(id: &str) -> Error {
    let message = format!("there is no workflow {}", id.escape_debug());
    Error::user("WORKFLOW_NOT_FOUND", message)
        .at("workflow_id")
        .hint("list workflows to see those that are there")
}

fn unreadable(error: StoreError) -> ConnectError {
    rpc::refuse_one(Error::platform("UNAVAILABLE", error.to_string()).hint("try again"))
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl PlatoService for PlatoServer {
    async fn list_workflows(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListWorkflowsRequest>,
    ) -> ServiceResult<wire::ListWorkflowsResponse> {
        let (workflows, next_cursor) = self.list(request.to_owned_message()).await?;
        Response::ok(wire::ListWorkflowsResponse {
            workflows,
            next_cursor,
            ..Default::default()
        })
    }

    async fn get_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetWorkflowRequest>,
    ) -> ServiceResult<wire::GetWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.get_workflow(request).await?.into_owned());
        }
        let (workflows, state) = self.find(&request.workflow_id).await?;
        let log = logs::failed(workflows, &state).await.map_err(unreadable)?;
        Response::ok(wire::GetWorkflowResponse {
            workflow: Some(self.view(workflows, state).await?).into(),
            log: log.into(),
            ..Default::default()
        })
    }

    async fn watch_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::WatchWorkflowRequest>,
    ) -> ServiceResult<ServiceStream<wire::WatchWorkflowResponse>> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return elsewhere::follow(there, request).await;
        }
        let (workflows, standing) = self.find(&request.workflow_id).await?;
        let told = watch::watch(workflows.clone(), standing);
        Response::stream_ok(told.map(|told| told.map_err(unreadable)))
    }

    async fn get_workflow_history(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetWorkflowHistoryRequest>,
    ) -> ServiceResult<wire::GetWorkflowHistoryResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.get_workflow_history(request).await?.into_owned());
        }
        let (workflows, state) = self.find(&request.workflow_id).await?;
        let page = outward::history(workflows, &state, request.first, HISTORY).await;
        let (happenings, more) = page.map_err(unreadable)?;
        Response::ok(wire::GetWorkflowHistoryResponse {
            more,
            happenings,
            ..Default::default()
        })
    }

    async fn explain_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExplainWorkflowRequest>,
    ) -> ServiceResult<wire::ExplainWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.explain_workflow(request).await?.into_owned());
        }
        let (workflows, standing) = self.find(&request.workflow_id).await?;
        let explained = match &standing {
            Standing::Graph(state) => {
                let nodes = explain::explain(workflows, state, &self.timestone).await;
                nodes.map(|waiting| ruled::Explained {
                    waiting,
                    ..ruled::Explained::default()
                })
            }
            Standing::Rules(state) => {
                ruled::explain(workflows, state, &self.timestone, request.firing).await
            }
        };
        let explained = explained.map_err(rpc::refuse_one)?;
        let log = logs::failed(workflows, &standing).await;
        Response::ok(wire::ExplainWorkflowResponse {
            nodes: explained.waiting,
            firings: explained.firings,
            rules: explained.rules,
            log: log.map_err(unreadable)?.into(),
            workflow: Some(self.view(workflows, standing).await?).into(),
            ..Default::default()
        })
    }

    async fn list_function_logs(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListFunctionLogsRequest>,
    ) -> ServiceResult<wire::ListFunctionLogsResponse> {
        let request = request.to_owned_message();
        if request.workflow_id.is_empty() {
            return match self.log(&request).await? {
                Some(found) => Response::ok(found),
                None => Response::ok(self.log_elsewhere(request).await?),
            };
        }
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.list_function_logs(request).await?.into_owned());
        }
        Response::ok(self.logs(&request).await?)
    }

    async fn get_definition(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetDefinitionRequest>,
    ) -> ServiceResult<wire::GetDefinitionResponse> {
        let request = request.to_owned_message();
        let there = match request.workflow_id.is_empty() {
            true => {
                let version = request.definition_version;
                self.defined_elsewhere(&request.definition, version).await?
            }
            false => self.elsewhere(&request.workflow_id).await?,
        };
        if let Some(there) = there {
            return Response::ok(there.get_definition(request).await?.into_owned());
        }
        let wire::GetDefinitionRequest {
            workflow_id,
            definition,
            definition_version,
            ..
        } = request;
        let (name, version) = match workflow_id.is_empty() {
            true => (definition, definition_version),
            false => {
                let standing = self.find(&workflow_id).await?.1;
                let header = standing.header();
                (header.definition.clone(), header.version)
            }
        };
        let defined = outward::definition(&self.services, &name, version);
        Response::ok(defined.map_err(rpc::refuse_one)?)
    }

    async fn cancel_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CancelWorkflowRequest>,
    ) -> ServiceResult<wire::CancelWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.cancel_workflow(request).await?.into_owned());
        }
        let act = Act::Cancel(request.reason);
        Response::ok(wire::CancelWorkflowResponse {
            workflow: Some(self.act(&request.workflow_id, act).await?).into(),
            ..Default::default()
        })
    }

    async fn pause_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::PauseWorkflowRequest>,
    ) -> ServiceResult<wire::PauseWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.pause_workflow(request).await?.into_owned());
        }
        let act = Act::Pause(request.reason);
        Response::ok(wire::PauseWorkflowResponse {
            workflow: Some(self.act(&request.workflow_id, act).await?).into(),
            ..Default::default()
        })
    }

    async fn resume_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ResumeWorkflowRequest>,
    ) -> ServiceResult<wire::ResumeWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.resume_workflow(request).await?.into_owned());
        }
        let id = request.workflow_id;
        Response::ok(wire::ResumeWorkflowResponse {
            workflow: Some(self.act(&id, Act::Resume).await?).into(),
            ..Default::default()
        })
    }

    async fn retry_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RetryWorkflowRequest>,
    ) -> ServiceResult<wire::RetryWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.retry_workflow(request).await?.into_owned());
        }
        let act = Act::Retry(request.node);
        Response::ok(wire::RetryWorkflowResponse {
            workflow: Some(self.act(&request.workflow_id, act).await?).into(),
            ..Default::default()
        })
    }

    async fn signal_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::SignalWorkflowRequest>,
    ) -> ServiceResult<wire::SignalWorkflowResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.signal_workflow(request).await?.into_owned());
        }
        let act = Act::Signal {
            node: request.node,
            value: Box::new(request.value.into_option().unwrap_or_default()),
        };
        Response::ok(wire::SignalWorkflowResponse {
            workflow: Some(self.act(&request.workflow_id, act).await?).into(),
            ..Default::default()
        })
    }

    async fn start_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::StartWorkflowRequest>,
    ) -> ServiceResult<wire::StartWorkflowResponse> {
        let request = request.to_owned_message();
        let version = request.definition_version;
        let there = self.defined_elsewhere(&request.definition, version).await?;
        let request = self.pinned(request, there.as_ref()).await?;
        if let Some(there) = there {
            return Response::ok(there.start_workflow(request).await?.into_owned());
        }
        let (workflows, standing) = self.start(request).await?;
        Response::ok(wire::StartWorkflowResponse {
            workflow: Some(self.view(workflows, standing).await?).into(),
            ..Default::default()
        })
    }

    async fn list_facts(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListFactsRequest>,
    ) -> ServiceResult<wire::ListFactsResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.list_facts(request).await?.into_owned());
        }
        let (workflows, standing) = self.find(&request.workflow_id).await?;
        let facts = ruled::facts(workflows, &standing, &request);
        Response::ok(facts.map_err(rpc::refuse_one)?)
    }

    async fn assert_facts(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::AssertFactsRequest>,
    ) -> ServiceResult<wire::AssertFactsResponse> {
        let request = request.to_owned_message();
        let mut there = self.elsewhere(&request.workflow_id).await?;
        if there.is_none() && !request.rules.is_empty() {
            there = self.defined_elsewhere(&request.rules, 0).await?;
        }
        if let Some(there) = there {
            return Response::ok(there.assert_facts(request).await?.into_owned());
        }
        let (workflows, standing) = self.assert(request).await?;
        Response::ok(wire::AssertFactsResponse {
            workflow: Some(self.view(workflows, standing).await?).into(),
            ..Default::default()
        })
    }

    async fn retract_facts(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RetractFactsRequest>,
    ) -> ServiceResult<wire::RetractFactsResponse> {
        let request = request.to_owned_message();
        if let Some(there) = self.elsewhere(&request.workflow_id).await? {
            return Response::ok(there.retract_facts(request).await?.into_owned());
        }
        let (workflows, standing) = self.retract(request).await?;
        Response::ok(wire::RetractFactsResponse {
            workflow: Some(self.view(workflows, standing).await?).into(),
            ..Default::default()
        })
    }
}
