//! The workflows of an installation, served to those who look after them.
//!
//! What is asked is read from the store, whoever owns the workflow. What is done is a message
//! to its owner, and the answer waits until the store shows that it was done.

mod act;
mod explain;
mod outward;
mod watch;

use std::sync::Arc;

use connectrpc::{
    ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult, ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use plato::{Phase, Registry, State};
use proto::plato::v1::{self as wire, PlatoService, PlatoServiceExt};
use store::{Store, StoreError};
use timestone_client::Client;

use crate::{WorkflowReader, WorkflowSearch};
use act::Act;
use outward::Viewed;

/// Workflows of one answer of a list, where nothing is said.
const PAGE: usize = 100;
/// And at most.
const MAX_PAGE: usize = 1_000;
/// Entries of a journal in one answer.
const HISTORY: usize = 100;

/// The workflows of one service.
#[derive(Clone, Debug)]
pub struct Workflows {
    pub(crate) reader: WorkflowReader,
    pub(crate) registry: Arc<Registry>,
}

impl Workflows {
    /// Those of `service` in `store`, in `groups` groups, by the definitions of `registry`.
    pub fn new(
        store: Arc<dyn Store>,
        service: impl Into<String>,
        groups: u32,
        registry: Arc<Registry>,
    ) -> Self {
        Self {
            reader: WorkflowReader::new(store, service, groups),
            registry,
        }
    }

    fn service(&self) -> &str {
        &self.reader.service
    }
}

/// Serves workflows to other processes.
pub struct PlatoServer {
    services: Vec<Workflows>,
    timestone: Client,
}

impl PlatoServer {
    /// A server of the workflows of `services`, whose owners are reached through `timestone`.
    pub fn new(services: impl IntoIterator<Item = Workflows>, timestone: Client) -> Self {
        Self {
            services: services.into_iter().collect(),
            timestone,
        }
    }

    /// The service, for `rpc::Server::services`, beside what `routes` serves already.
    pub fn register(self, routes: Router) -> Router {
        PlatoServiceExt::register(Arc::new(self), routes)
    }

    /// The workflow, and whose it is.
    async fn find(&self, id: &str) -> Result<(&Workflows, State), ConnectError> {
        for workflows in &self.services {
            let state = workflows.reader.state(id).await.map_err(unreadable)?;
            if let Some(state) = state {
                return Ok((workflows, state));
            }
        }
        Err(rpc::refuse_one(not_found(id)))
    }

    async fn view(
        &self,
        workflows: &Workflows,
        state: State,
    ) -> Result<wire::Workflow, ConnectError> {
        let viewed = Viewed::read(workflows, state).await;
        Ok(viewed.map_err(unreadable)?.outward())
    }

    async fn act(&self, id: &str, act: Act) -> Result<wire::Workflow, ConnectError> {
        let (workflows, state) = self.find(id).await?;
        let state = act.carry_out(&self.timestone, workflows, state).await;
        self.view(workflows, state.map_err(rpc::refuse_one)?).await
    }

    async fn list(
        &self,
        request: wire::ListWorkflowsRequest,
    ) -> Result<(Vec<wire::Workflow>, Vec<u8>), ConnectError> {
        let named = |workflows: &&Workflows| {
            request.service.is_empty() || workflows.service() == request.service
        };
        let services: Vec<_> = self.services.iter().filter(named).collect();
        let mut search = search(&request)?;
        // The cursor begins with the service that it is in.
        let (first, inner) = request.cursor.split_first().unwrap_or((&0, &[]));
        search.cursor = inner.to_vec().into();
        let mut listed = Vec::new();
        for (number, workflows) in services.iter().enumerate().skip(usize::from(*first)) {
            let found = workflows.reader.find(&search).await.map_err(unreadable)?;
            let found = found.ok_or_else(|| rpc::refuse_one(no_cursor()))?;
            for state in found.states {
                listed.push(self.view(workflows, state).await?);
            }
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            if let Some(next) = found.next {
                return Ok((listed, [&[number], &next[..]].concat()));
            }
            search.cursor = bytes::Bytes::new();
            search.limit = search.limit.saturating_sub(listed.len());
            if search.limit == 0 && usize::from(number) + 1 < services.len() {
                return Ok((listed, vec![number + 1]));
            }
        }
        Ok((listed, Vec::new()))
    }
}

fn search(request: &wire::ListWorkflowsRequest) -> Result<WorkflowSearch, ConnectError> {
    let limit = usize::try_from(request.limit).unwrap_or(MAX_PAGE);
    let states = request.states.iter().filter_map(|state| state.as_known());
    Ok(WorkflowSearch {
        attributes: request.attributes.clone().into_iter().collect(),
        phases: states.flat_map(phases).copied().collect(),
        definition: request.definition.clone(),
        limit: match limit {
            0 => PAGE,
            1..=MAX_PAGE => limit,
            _ => return Err(rpc::refuse_one(too_many(limit))),
        },
        ..WorkflowSearch::default()
    })
}

fn phases(state: wire::WorkflowState) -> &'static [Phase] {
    match state {
        wire::WorkflowState::Unspecified => &[],
        wire::WorkflowState::Running => &[Phase::Running, Phase::Failing, Phase::Canceling],
        wire::WorkflowState::Succeeded => &[Phase::Succeeded],
        wire::WorkflowState::Failed => &[Phase::Failed],
        wire::WorkflowState::Canceled => &[Phase::Canceled],
    }
}

fn too_many(limit: usize) -> Error {
    Error::user(
        "INVALID_ARGUMENT",
        format!("is {limit}; from 1 to {MAX_PAGE}"),
    )
    .at("limit")
}

fn no_cursor() -> Error {
    Error::user("INVALID_ARGUMENT", "is none of an earlier answer")
        .at("cursor")
        .hint("leave it out to begin")
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
        let (workflows, state) = self.find(&request.to_owned_message().workflow_id).await?;
        Response::ok(wire::GetWorkflowResponse {
            workflow: Some(self.view(workflows, state).await?).into(),
            ..Default::default()
        })
    }

    async fn watch_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::WatchWorkflowRequest>,
    ) -> ServiceResult<ServiceStream<wire::WatchWorkflowResponse>> {
        let (workflows, state) = self.find(&request.to_owned_message().workflow_id).await?;
        let told = watch::watch(workflows.clone(), state);
        Response::stream_ok(told.map(|told| told.map_err(unreadable)))
    }

    async fn get_workflow_history(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetWorkflowHistoryRequest>,
    ) -> ServiceResult<wire::GetWorkflowHistoryResponse> {
        let request = request.to_owned_message();
        let (workflows, state) = self.find(&request.workflow_id).await?;
        let entries = workflows.reader.journal(&state.id, request.first, HISTORY);
        let entries = entries.await.map_err(unreadable)?;
        Response::ok(wire::GetWorkflowHistoryResponse {
            more: entries.len() == HISTORY,
            happenings: outward::happenings(&state, &entries),
            ..Default::default()
        })
    }

    async fn explain_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExplainWorkflowRequest>,
    ) -> ServiceResult<wire::ExplainWorkflowResponse> {
        let (workflows, state) = self.find(&request.to_owned_message().workflow_id).await?;
        let nodes = explain::explain(workflows, &state, &self.timestone).await;
        Response::ok(wire::ExplainWorkflowResponse {
            nodes: nodes.map_err(rpc::refuse_one)?,
            workflow: Some(self.view(workflows, state).await?).into(),
            ..Default::default()
        })
    }

    async fn get_definition(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetDefinitionRequest>,
    ) -> ServiceResult<wire::GetDefinitionResponse> {
        let wire::GetDefinitionRequest {
            workflow_id,
            definition,
            definition_version,
            ..
        } = request.to_owned_message();
        let (name, version) = match workflow_id.is_empty() {
            true => (definition, definition_version),
            false => {
                let header = self.find(&workflow_id).await?.1.header;
                (header.definition, header.version)
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
        let id = request.to_owned_message().workflow_id;
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
        let id = request.to_owned_message().workflow_id;
        Response::ok(wire::RetryWorkflowResponse {
            workflow: Some(self.act(&id, Act::Retry).await?).into(),
            ..Default::default()
        })
    }

    async fn signal_workflow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::SignalWorkflowRequest>,
    ) -> ServiceResult<wire::SignalWorkflowResponse> {
        let request = request.to_owned_message();
        let act = Act::Signal {
            node: request.node,
            value: Box::new(request.value.into_option().unwrap_or_default()),
        };
        Response::ok(wire::SignalWorkflowResponse {
            workflow: Some(self.act(&request.workflow_id, act).await?).into(),
            ..Default::default()
        })
    }
}
