//! `ves list`.

use std::process::ExitCode;

use comfy_table::{Table, presets};
use ves_api::wire::{ListRequestsRequest, RequestView};

use super::args::ListArgs;
use super::server::Server;
use super::{on_server, view};
use crate::colour::{ColourChoice, Paint};
use crate::explain::one_line;
use crate::output::{Output, ended};
use crate::stop::Stop;
use crate::units::local_time;

/// Requests asked for in one call.
const PAGE: u32 = 100;

/// `ves list`
pub(in crate::ves) fn list(args: &ListArgs, colour: ColourChoice) -> ExitCode {
    let output = Output::new(args.json, Paint::for_errors(colour));
    let listed = on_server(&args.server, colour, async |server: &Server| {
        collect(server, args).await
    });
    let done = listed.map(|views| show(&views, args, &output));
    ended(done, &output)
}

async fn collect(server: &Server, args: &ListArgs) -> Result<Vec<RequestView>, Stop> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRequestsRequest {
            page_size: PAGE,
            page_token,
            ..Default::default()
        };
        let page = server.client.list_requests(request).await;
        let page = page.map_err(|refusal| server.told(&refusal))?.into_owned();
        let wanted = |view: &RequestView| args.state.is_none_or(|state| state.is(view));
        found.extend(page.views.into_iter().filter(wanted));
        found.truncate(args.limit as usize);
        page_token = page.next_page_token;
        if found.len() == args.limit as usize || page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn show(views: &[RequestView], args: &ListArgs, output: &Output) {
    match (args.json, views.is_empty()) {
        (true, _) => views
            .iter()
            .for_each(|view| output.result(view, String::new)),
        (false, true) => output.say("no requests"),
        (false, false) => output.result(&(), || table(views)),
    }
}

fn table(views: &[RequestView]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["REQUEST", "STATE", "CREATED", "CHUNKS", "SOURCE", "OUTPUT"]);
    for view in views {
        table.add_row([
            one_line(&view.request_id),
            view::state(view).to_owned(),
            local_time(view.created_unix_ms),
            chunks(view),
            view::source(view),
            view::target(view),
        ]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n")
}

fn chunks(view: &RequestView) -> String {
    let encoder = view.stages.iter().find(|stage| stage.stage == "encoder");
    encoder.map_or_else(String::new, |stage| {
        format!("{}/{}", stage.done, stage.total)
    })
}
