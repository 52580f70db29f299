//! Requests as the wire shows them.

use optimus::{Stage, State, View};

use crate::wire;

pub(super) type RequestView = View<wire::ValidateRequest, wire::ValidateResponse>;

impl From<RequestView> for wire::RequestView {
    fn from(view: RequestView) -> Self {
        let stages = view.stages.into_iter().map(wire::StageProgress::from);
        Self {
            request_id: view.id,
            state: wire::RequestState::from(view.state).into(),
            request: Some(view.request).into(),
            response: view.response.into(),
            stages: stages.collect(),
            created_unix_ms: view.created.unix_ms(),
            updated_unix_ms: view.updated.unix_ms(),
            version: view.version,
            ..Default::default()
        }
    }
}

/// A view for a list: without the discrepancies, which may be many, and without the frames that
/// are listed.
pub(super) fn brief(mut view: RequestView) -> wire::RequestView {
    if let Some(response) = view.response.as_mut() {
        response.discrepancies.clear();
    }
    for expectation in &mut view.request.expectations {
        match &mut expectation.kind {
            Some(wire::expectation::Kind::QualitySteps(steps)) => steps.boundaries.clear(),
            Some(wire::expectation::Kind::RandomAccess(access)) => access.points.clear(),
            _ => {}
        }
    }
    view.into()
}

impl From<State> for wire::RequestState {
    fn from(state: State) -> Self {
        match state {
            State::Accepted => Self::REQUEST_STATE_ACCEPTED,
            State::Running => Self::REQUEST_STATE_RUNNING,
            State::Succeeded => Self::REQUEST_STATE_SUCCEEDED,
            State::Failed => Self::REQUEST_STATE_FAILED,
            State::Canceled => Self::REQUEST_STATE_CANCELED,
        }
    }
}

impl From<Stage> for wire::StageProgress {
    fn from(stage: Stage) -> Self {
        Self {
            progress: stage.done as f64 + stage.in_flight,
            stage: stage.name,
            state: stage.state.as_str().to_owned(),
            total: stage.total,
            done: stage.done,
            running: stage.running,
            ..Default::default()
        }
    }
}
