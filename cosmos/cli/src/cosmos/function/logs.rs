//! `cosmos function logs`.

use errors::Error;
use proto::plato::v1::{FunctionLog, ListFunctionLogsRequest};

use super::Desk;
use super::args::{LogsArgs, Target};
use crate::cosmos::workflow::logs::{Logged, last_lines, title};
use crate::cosmos::workflow::server::Server;
use crate::explain::printable;
use crate::stop::Stop;

/// What the id of an invocation looks like.
const INVOCATION_DIGITS: usize = 32;

pub(super) async fn logs(desk: &Desk, args: &LogsArgs) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    let told = match of_workflow(desk, &server, args).await {
        Err(errors) if is_unknown(&errors) && is_invocation(&args.target) => {
            of_invocation(desk, &server, args).await?
        }
        told => told?,
    };
    if told == 0 {
        desk.output.say("no logs are kept");
    }
    Ok(())
}

/// Prints page by page; how many there were.
async fn of_workflow(desk: &Desk, server: &Server, args: &LogsArgs) -> Result<usize, Vec<Error>> {
    let Target {
        workflow,
        node,
        task,
    } = &args.target;
    let mut request = ListFunctionLogsRequest {
        workflow_id: workflow.clone(),
        node: node.clone(),
        element: *task,
        ..Default::default()
    };
    let mut told = 0;
    loop {
        let page = server.client.list_function_logs(request.clone()).await;
        let page = page.map_err(|refusal| server.told(&refusal))?.into_owned();
        tell(desk, &page.logs, args);
        told += page.logs.len();
        match page.next_cursor.is_empty() {
            true => return Ok(told),
            false => request.cursor = page.next_cursor,
        }
    }
}

async fn of_invocation(desk: &Desk, server: &Server, args: &LogsArgs) -> Result<usize, Vec<Error>> {
    let id = &args.target.workflow;
    let request = ListFunctionLogsRequest {
        invocation_id: id.clone(),
        ..Default::default()
    };
    let found = server.client.list_function_logs(request).await;
    let found = found.map_err(|refusal| match server.told(&refusal) {
        errors if errors.iter().any(|error| error.code == "LOG_NOT_FOUND") => {
            let message = format!("there is no workflow {id}, and no log of an invocation {id}");
            let hint = "`cosmos workflow list` shows the workflows that are there";
            vec![Error::user("LOG_NOT_FOUND", message).hint(hint)]
        }
        errors => errors,
    })?;
    let found = found.into_owned();
    tell(desk, &found.logs, args);
    Ok(found.logs.len())
}

fn is_unknown(errors: &[Error]) -> bool {
    let mut errors = errors.iter();
    errors.any(|error| error.code == "WORKFLOW_NOT_FOUND")
}

fn is_invocation(target: &Target) -> bool {
    let id = &target.workflow;
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    target.node.is_empty() && id.len() == INVOCATION_DIGITS && is_hex
}

fn tell(desk: &Desk, logs: &[FunctionLog], args: &LogsArgs) {
    for log in logs {
        let text = match args.lines {
            Some(lines) => last_lines(&log.text, lines),
            None => log.text.trim_end(),
        };
        desk.output.result(&Logged::of(log, text), || {
            let said = match text {
                "" => log.unreadable.as_str(),
                text => text,
            };
            format!("{}\n{}\n", desk.paint.strong(&title(log)), printable(said))
        });
    }
}
