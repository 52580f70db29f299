//! `cosmos workflow list`.

use proto::plato::v1::{ListWorkflowsRequest, Workflow, WorkflowState};

use super::args::ListArgs;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table};
use crate::units::local_time;

/// Workflows of one call.
const PAGE: u32 = 500;

pub(super) async fn list(desk: &Desk, args: &ListArgs) -> Result<(), Stop> {
    let (found, more) = collect(desk, args).await?;
    match (desk.json, found.is_empty()) {
        (true, _) => found
            .iter()
            .for_each(|workflow| desk.output.item(&json::Workflow::from(workflow))),
        (false, true) => desk.output.say("no workflows"),
        (false, false) => desk.output.result(&(), || table(&found).render(desk.paint)),
    }
    if more {
        let shown = crate::units::count(found.len() as u64, "workflow");
        desk.output
            .say(&format!("{shown} shown; there may be more (--limit)"));
    }
    Ok(())
}

async fn collect(desk: &Desk, args: &ListArgs) -> Result<(Vec<Workflow>, bool), Stop> {
    let mut found: Vec<Workflow> = Vec::new();
    let mut request = ListWorkflowsRequest {
        service: args.service.clone().unwrap_or_default(),
        attributes: args.attributes.iter().cloned().collect(),
        states: args
            .state
            .iter()
            .map(|state| WorkflowState::from(*state).into())
            .collect(),
        definition: args.definition.clone().unwrap_or_default(),
        ..Default::default()
    };
    loop {
        let left = args.limit - u32::try_from(found.len()).unwrap_or(args.limit);
        request.limit = left.min(PAGE);
        let page = desk.server.client.list_workflows(request.clone()).await;
        let page = page.map_err(|refusal| desk.server.told(&refusal))?;
        let page = page.into_owned();
        found.extend(page.workflows);
        let more = !page.next_cursor.is_empty();
        if !more || found.len() >= args.limit as usize {
            return Ok((found, more));
        }
        request.cursor = page.next_cursor;
    }
}

fn table(found: &[Workflow]) -> Table {
    let mut table = Table::new(&[
        Column::name("ID"),
        Column::cut("DEFINITION"),
        Column::text("STATE"),
        Column::text("NODES"),
        Column::text("CHANGED"),
        Column::opening("ABOUT"),
    ]);
    for workflow in found {
        let state = match workflow.is_paused {
            true => "paused",
            false => words::state(workflow),
        };
        table.row([
            one_line(&workflow.workflow_id).into(),
            one_line(&workflow.definition).into(),
            Cell::toned(state, words::tone(workflow)),
            words::progress(workflow).into(),
            local_time(workflow.at_unix_ms).into(),
            about(workflow).into(),
        ]);
    }
    table
}

/// Why it failed, or what it is about.
fn about(workflow: &Workflow) -> String {
    match words::error(workflow) {
        Some(error) => one_line(&format!("{} [{}]", error.message, error.code)),
        None => words::attributes(workflow),
    }
}
