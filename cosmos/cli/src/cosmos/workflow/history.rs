//! `cosmos workflow history`: the whole journal.

use proto::plato::v1::{GetWorkflowHistoryRequest, WorkflowHappening};

use super::args::IdArgs;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Column, Table};
use crate::units::local_time;

pub(super) async fn history(desk: &Desk, args: &IdArgs) -> Result<(), Stop> {
    let mut next = 0;
    loop {
        let request = GetWorkflowHistoryRequest {
            workflow_id: args.id.clone(),
            first: next,
            ..Default::default()
        };
        let page = desk.server.client.get_workflow_history(request).await;
        let page = page.map_err(|refusal| desk.server.told(&refusal))?;
        let page = page.into_owned();
        tell(desk, &page.happenings, next == 0);
        let last = page.happenings.last();
        match last.filter(|_| page.more) {
            Some(last) => next = last.number + 1,
            None => return Ok(()),
        }
    }
}

/// A page of it; titles stand above the first.
fn tell(desk: &Desk, page: &[WorkflowHappening], is_first: bool) {
    if desk.json {
        let items = page.iter();
        return items.for_each(|happening| desk.output.item(&json::Happening::from(happening)));
    }
    let text = table(page).render(desk.paint);
    let lines = match is_first {
        true => text.as_str(),
        false => text.split_once('\n').map_or("", |(_, rest)| rest),
    };
    desk.output.result(&(), || lines.to_owned());
}

fn table(page: &[WorkflowHappening]) -> Table {
    let mut table = Table::new(&[
        Column::number("NUMBER"),
        Column::text("TIME"),
        Column::text("EVENT"),
        Column::cut("NODE"),
        Column::opening("ABOUT"),
    ]);
    for happening in page {
        table.row([
            happening.number.to_string().into(),
            local_time(happening.at_unix_ms).into(),
            one_line(&happening.event).into(),
            one_line(&happening.node).into(),
            words::about(happening).into(),
        ]);
    }
    table
}
