//! `cosmos workflow explain`.

use clock::{Clock, SystemClock};
use proto::plato::v1::{ExplainWorkflowRequest, WaitingNode, WaitingReason, Workflow};

use super::args::IdArgs;
use super::server::told_of;
use super::{Desk, json, words};
use crate::colour::Paint;
use crate::explain::{explain as explain_errors, one_line};
use crate::stop::Stop;
use crate::units::away;

pub(super) async fn explain(desk: &Desk, args: &IdArgs) -> Result<(), Stop> {
    let request = ExplainWorkflowRequest {
        workflow_id: args.id.clone(),
        ..Default::default()
    };
    let answer = desk.server.client.explain_workflow(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    let answer = answer.into_owned();
    let workflow = told_of(answer.workflow.into_option())?;
    let explained = json::Explained {
        workflow: (&workflow).into(),
        waiting: answer.nodes.iter().map(json::Waiting::from).collect(),
    };
    desk.output.result(&explained, || {
        in_words(&workflow, &answer.nodes, desk.paint)
    });
    Ok(())
}

fn in_words(workflow: &Workflow, nodes: &[WaitingNode], paint: Paint) -> String {
    let title = format!(
        "{} is {}",
        one_line(&workflow.workflow_id),
        words::standing(workflow)
    );
    if let Some(error) = words::error(workflow) {
        let error = explain_errors(&[error], paint);
        return format!("{title}\n{}", error.trim_end());
    }
    let width = nodes.iter().map(|node| node.node.chars().count()).max();
    let width = width.unwrap_or(0).min(40);
    let lines = nodes.iter().flat_map(|node| {
        let names = std::iter::once(node.node.as_str()).chain(std::iter::repeat(""));
        let reasons = names.zip(&node.reasons);
        reasons.map(move |(name, why)| format!("{:width$}  {}", one_line(name), reason(why)))
    });
    std::iter::once(title)
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

fn reason(reason: &WaitingReason) -> String {
    let text = one_line(&reason.text);
    match reason.at_unix_ms {
        0 => text,
        at => format!("{text}, {}", away(at, SystemClock.now().unix_ms())),
    }
}
