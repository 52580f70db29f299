//! `cosmos workflow explain`.

use clock::{Clock, SystemClock};
use proto::plato::v1::{
    ExplainWorkflowRequest, ExplainedFiring, RuleStanding, WaitingNode, WaitingReason, Workflow,
};

use super::args::ExplainArgs;
use super::logs::{Logged, last_words};
use super::server::told_of;
use super::{Desk, json, words};
use crate::colour::Paint;
use crate::explain::{explain as explain_errors, one_line};
use crate::stop::Stop;
use crate::units::{away, local_time};

pub(super) async fn explain(desk: &Desk, args: &ExplainArgs) -> Result<(), Stop> {
    let request = ExplainWorkflowRequest {
        workflow_id: args.id.clone(),
        firing: args.firing.unwrap_or(0),
        ..Default::default()
    };
    let answer = desk.server.client.explain_workflow(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    let answer = answer.into_owned();
    let workflow = told_of(answer.workflow.into_option())?;
    let log = answer.log.as_option();
    let explained = json::Explained {
        log: log.map(Logged::from),
        workflow: (&workflow).into(),
        waiting: answer.nodes.iter().map(json::Waiting::from).collect(),
        firings: answer.firings.iter().map(json::Firing::from).collect(),
        rule_standings: answer.rules.iter().map(json::Standing::from).collect(),
    };
    desk.output.result(&explained, || {
        let waiting = in_words(&workflow, &answer.nodes, desk.paint);
        let firings = answer.firings.iter().map(fired);
        let waiting = match log {
            Some(log) => format!("{waiting}\n{}", last_words(log)),
            None => waiting,
        };
        let stopped = answer.rules.iter().filter(|rule| rule.matches == 0);
        let stopped = stopped.filter(|_| args.firing.is_none()).map(lacking);
        std::iter::once(waiting)
            .chain(stopped)
            .chain(firings)
            .collect::<Vec<_>>()
            .join("\n\n")
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

/// What a rule lacks to fire.
fn lacking(rule: &RuleStanding) -> String {
    let lines: Vec<_> = rule.text.trim_end().lines().map(one_line).collect();
    lines.join("\n")
}

/// Which facts, which rule, why then, and what has become of it.
fn fired(firing: &ExplainedFiring) -> String {
    let lines: Vec<_> = firing.text.trim_end().lines().map(one_line).collect();
    let gone = if firing.holds {
        ""
    } else {
        "; its match holds no more"
    };
    let (state, at) = (words::firing_state(firing), local_time(firing.at_unix_ms));
    format!("{}\n  fired {at}; {state}{gone}", lines.join("\n"))
}

fn reason(reason: &WaitingReason) -> String {
    let text = one_line(&reason.text);
    match reason.at_unix_ms {
        0 => text,
        at => format!("{text}, {}", away(at, SystemClock.now().unix_ms())),
    }
}
