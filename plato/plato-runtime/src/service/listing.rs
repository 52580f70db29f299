//! Workflows of all services, page by page: of those served here, then of those served elsewhere.

use connectrpc::ConnectError;
use errors::Error;
use plato::Phase;
use proto::plato::v1 as wire;

use super::{PlatoServer, Remote, Workflows, unreadable};
use crate::WorkflowSearch;

/// Workflows of one answer, where nothing is said.
const PAGE: usize = 100;
/// And at most.
const MAX_PAGE: usize = 1_000;

impl PlatoServer {
    /// A page, and where the next one begins.
    pub(super) async fn list(
        &self,
        request: wire::ListWorkflowsRequest,
    ) -> Result<(Vec<wire::Workflow>, Vec<u8>), ConnectError> {
        // The cursor begins with the service that it is in.
        let (first, inner) = request.cursor.split_first().unwrap_or((&0, &[]));
        let mut search = search(&request)?;
        let mut inner = inner.to_vec();
        let mut listed = Vec::new();
        for number in *first..=u8::MAX {
            let Some(name) = self.name(usize::from(number)) else {
                break;
            };
            if !request.service.is_empty() && request.service != name {
                continue;
            }
            search.cursor = std::mem::take(&mut inner).into();
            let (found, next) = self.page(usize::from(number), &request, &search).await?;
            search.limit = search.limit.saturating_sub(found.len());
            listed.extend(found);
            if !next.is_empty() {
                return Ok((listed, [&[number], &next[..]].concat()));
            }
            if search.limit == 0 && self.name(usize::from(number) + 1).is_some() {
                return Ok((listed, vec![number + 1]));
            }
        }
        Ok((listed, Vec::new()))
    }

    /// The service of this number: those served here, then those served elsewhere.
    fn name(&self, number: usize) -> Option<&str> {
        let here = self.services.iter().map(Workflows::service);
        let elsewhere = self.remotes.iter().map(Remote::service);
        here.chain(elsewhere).nth(number)
    }

    /// A page of the workflows of one service.
    async fn page(
        &self,
        number: usize,
        request: &wire::ListWorkflowsRequest,
        search: &WorkflowSearch,
    ) -> Result<(Vec<wire::Workflow>, Vec<u8>), ConnectError> {
        let Some(workflows) = self.services.get(number) else {
            let remote = &self.remotes[number - self.services.len()];
            return remote.page(request, search).await;
        };
        let found = workflows.reader.find(search).await.map_err(unreadable)?;
        let found = found.ok_or_else(|| rpc::refuse_one(no_cursor()))?;
        let mut listed = Vec::new();
        for standing in found.states {
            listed.push(self.view(workflows, standing).await?);
        }
        Ok((listed, found.next.unwrap_or_default().to_vec()))
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
