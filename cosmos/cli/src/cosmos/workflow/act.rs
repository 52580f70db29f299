//! `cosmos workflow pause`, `resume`, `retry`, `signal` and `cancel`.

use proto::base::v1::Value;
use proto::plato::v1::{
    CancelWorkflowRequest, PauseWorkflowRequest, ResumeWorkflowRequest, RetryWorkflowRequest,
    SignalWorkflowRequest, Workflow,
};

use super::args::{CancelArgs, IdArgs, PauseArgs, RetryArgs, SignalArgs};
use super::server::told_of;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;

/// Makes a call, and hands back the workflow that its answer tells of.
macro_rules! asked {
    ($desk:expr, $call:ident, $request:expr) => {{
        let answer = $desk.server.client.$call($request).await;
        let answer = answer.map_err(|refusal| $desk.server.told(&refusal))?;
        told_of(answer.into_owned().workflow.into_option())?
    }};
}

pub(super) async fn pause(desk: &Desk, args: &PauseArgs) -> Result<(), Stop> {
    let request = PauseWorkflowRequest {
        workflow_id: args.id.clone(),
        reason: args.reason.clone(),
        ..Default::default()
    };
    tell(desk, &asked!(desk, pause_workflow, request));
    Ok(())
}

pub(super) async fn resume(desk: &Desk, args: &IdArgs) -> Result<(), Stop> {
    let request = ResumeWorkflowRequest {
        workflow_id: args.id.clone(),
        ..Default::default()
    };
    tell(desk, &asked!(desk, resume_workflow, request));
    Ok(())
}

pub(super) async fn retry(desk: &Desk, args: &RetryArgs) -> Result<(), Stop> {
    let request = RetryWorkflowRequest {
        workflow_id: args.id.clone(),
        node: args.from.clone(),
        ..Default::default()
    };
    tell(desk, &asked!(desk, retry_workflow, request));
    Ok(())
}

pub(super) async fn signal(desk: &Desk, args: &SignalArgs) -> Result<(), Stop> {
    let value = Value {
        inline: args.value.clone().into_bytes(),
        ..Default::default()
    };
    let request = SignalWorkflowRequest {
        workflow_id: args.id.clone(),
        node: args.node.clone(),
        value: Some(value).into(),
        ..Default::default()
    };
    tell(desk, &asked!(desk, signal_workflow, request));
    Ok(())
}

pub(super) async fn cancel(desk: &Desk, args: &CancelArgs) -> Result<(), Stop> {
    let request = CancelWorkflowRequest {
        workflow_id: args.id.clone(),
        reason: args.reason.clone(),
        ..Default::default()
    };
    tell(desk, &asked!(desk, cancel_workflow, request));
    Ok(())
}

/// How it is doing now.
pub(super) fn tell(desk: &Desk, workflow: &Workflow) {
    let words = || {
        let id = one_line(&workflow.workflow_id);
        format!("{id} is {}", words::standing(workflow))
    };
    desk.output.result(&json::Workflow::from(workflow), words);
}
